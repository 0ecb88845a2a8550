"""A copy of ``params/`` that a test may change, one leaf at a time."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exfuse.spec import manifest
from exfuse.spec.graph import Graph
from exfuse.spec.load import load
from exfuse.spec.spec import Spec


@dataclass(frozen=True)
class Params:
    """A folder that holds ``params/`` and nothing else of the repository."""

    root: Path

    def file(self, name: str) -> Path:
        """A file of ``params/``."""
        return self.root / "params" / name

    def put(self, name: str, key: str, value: Any) -> None:
        """Sets the leaf at a dotted key ("fine_tuning.train.steps.value"); numbers count in lists."""
        tree = yaml.load(self.file(name).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        *above, last = key.split(".")
        node = tree
        for part in above:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        node[int(last) if isinstance(node, list) else last] = value
        self.file(name).write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))

    def replace(self, name: str, old: str, new: str) -> None:
        """Replaces text that stands exactly once in a file."""
        text = self.file(name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.file(name).write_text(text.replace(old, new))

    def load(self, preset: str | None = None, **overrides: str) -> Spec:
        """The spec that the folder declares."""
        return load(self.root, preset, overrides)

    def finish(self, graph: Graph, *names: str) -> None:
        """Writes empty outputs and manifests with the expected keys: all of a graph's jobs, or those named."""
        for job in graph.jobs.values():
            if not names or job.name in names:
                for output in job.outputs:
                    output.parent.mkdir(parents=True, exist_ok=True)
                    output.touch()
                manifest.write(
                    job.manifest, job=job.name, key=job.key, settings=job.settings, upstream={}, outputs=job.outputs
                )

    def graph(self, preset: str = "mini", **overrides: str) -> Graph:
        """The graph of a preset."""
        return Graph(self.load(preset, **overrides))

    def keys(self, preset: str = "mini", **overrides: str) -> Mapping[str, str]:
        """The key of every job."""
        return {name: job.key for name, job in self.graph(preset, **overrides).jobs.items()}


def copy_params(repo_root: Path, target: Path) -> Params:
    """Copies the repository's ``params/`` into a folder."""
    shutil.copytree(repo_root / "params", target / "params")
    return Params(target)
