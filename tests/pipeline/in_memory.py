"""``params/`` in memory, read once and changed a value at a time; what a change does not reach is not made again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml as real_yaml

from exfuse.errors import UserError
from exfuse.pipeline import file
from exfuse.spec import load, yaml
from exfuse.spec.graph import Graph
from exfuse.spec.spec import Spec


class InMemory:
    """The files of ``params/`` below a root, which also holds a `dvc.yaml`.

    Args:
        root: a copy of the repository's ``params/`` and a `dvc.yaml`.
        preset: whose graph is asked for.
    """

    def __init__(self, root: Path, preset: str) -> None:
        self.root, self.preset = root, preset
        self.trees = {path: yaml.read(path) for path in sorted((root / "params").rglob("*.yaml"))}
        self._first = dict(self.trees)
        self._made: dict[Any, Any] = {}
        self._last: Graph | None = None
        dvc_yaml = real_yaml.load(
            (root / file.FILE).read_text(), getattr(real_yaml, "CSafeLoader", real_yaml.SafeLoader)
        )
        said = file._said(dvc_yaml, preset)
        self._replacements: list[tuple[Any, str, Any]] = [
            (yaml, "read", lambda source: dict(self.trees[Path(source)])),
            *((load, name, self._once(getattr(load, name))) for name in ("_entries", "_file", "_preset")),
            *((Spec, name, _remembered(getattr(Spec, name))) for name in ("backbone", "model")),
            (file, "read_bytes", lambda path, mend: b"{}"),
            (file, "_said", lambda tree, preset: said),
            (file, "described", _described_once(file.described)),
        ]

    def use(self, patches: pytest.MonkeyPatch) -> None:
        """Has the program read these files, in place of those on the disk, until the patches are undone."""
        for place, name, value in self._replacements:
            patches.setattr(place, name, value)

    def graph(self) -> Graph:
        """The graph that the files ask for as they are now; the one before where the spec is of the same objects."""
        spec = load.load(self.root, self.preset)
        if self._last is None or not _of_same(spec, self._last.spec):
            self._last = Graph(spec)
        return self._last

    def serves(self, graph: Graph) -> bool:
        """Whether `dvc.yaml` still says what a graph asks for."""
        try:
            file.require_current(graph)
        except UserError as error:
            message = str(error)
        else:
            return True
        assert "is not what params/ asks for" in message
        return False

    @contextmanager
    def changed(self, path: Path, tree: Any) -> Iterator[None]:
        """A file with another content."""
        before, self.trees[path] = self.trees[path], tree
        try:
            yield
        finally:
            self.trees[path] = before

    def _once(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Objects of files that are as they were in the repository are made once."""

        def found(*words: Any) -> Any:
            made_of = [word for word in words if isinstance(word, Path)]
            key = (function, *(word for word in words if isinstance(word, Path | str | type)))
            if any(self._is_changed(path) for path in made_of):
                return function(*words)
            if key not in self._made:
                self._made[key] = function(*words)
            return self._made[key]

        return found

    def _is_changed(self, path: Path) -> bool:
        """A file, or for ``params/`` itself any of its presets."""
        files = [path] if path in self._first else [other for other in self._first if other.parent.name == "presets"]
        return any(self.trees[other] is not self._first[other] for other in files)


def _of_same(one: Spec, other: Spec) -> bool:
    """Whether two specs hold the same objects, but for those that are made anew out of the same."""
    anew = {"ledger", "fidelity", "overrides"}
    pairs = [(field.name, getattr(one, field.name), getattr(other, field.name)) for field in fields(Spec)]
    return all(mine is yours or (name in anew and mine == yours) for name, mine, yours in pairs)


def _remembered(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of Spec that makes each network once, as long as what it is made of is the same objects."""
    kept: dict[str, Any] = {}
    last: list[Any] = []

    def found(spec: Spec, name: str) -> Any:
        made_of = [spec.preset, spec.backbones, spec.decoders, spec.runs, spec.datasets]
        if len(last) != len(made_of) or any(one is not other for one, other in zip(last, made_of, strict=True)):
            kept.clear()
            last[:] = made_of
        if name not in kept:
            kept[name] = method(spec, name)
        return kept[name]

    return found


def _described_once(describe: Callable[[Graph], Any]) -> Callable[[Graph], Any]:
    """Describes the first graph, and again only those of other jobs or other declarations; texts stand in neither."""
    first: list[Any] = []

    def found(graph: Graph) -> Any:
        spec = graph.spec
        jobs = [(job.name, job.manifest, job.outputs, job.upstream) for job in graph.jobs.values()]
        made_of = [jobs, spec.preset, spec.origins, spec.folder, *map(id, (spec.backbones, spec.decoders, spec.runs))]
        if not first:
            first[:] = [made_of, describe(graph), spec]
        return first[1] if made_of == first[0] else describe(graph)

    return found
