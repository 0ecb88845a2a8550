"""A `dvc.yaml` followed by hand: which of its stages DVC would run. It shares no code with ``exfuse.pipeline``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MISSING = object()


@dataclass(frozen=True)
class Stage:
    """What DVC looks at in a stage: its files, and its entries as (file, dotted key), no key for a whole file."""

    deps: frozenset[str]
    outs: frozenset[str]
    params: frozenset[tuple[str, str]]


class Committed:
    """The stages of a file, for one preset.

    Args:
        file: a `dvc.yaml`.
        preset: what ``${preset}`` stands for.
    """

    def __init__(self, file: Path, preset: str) -> None:
        text = file.read_text().replace("${preset}", preset)
        tree = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.stages = {name: _stage(node) for name, node in tree["stages"].items()}
        self._maker = {out: name for name, stage in self.stages.items() for out in stage.outs}
        self._upstream = {
            name: {self._maker[dep] for dep in stage.deps if dep in self._maker} for name, stage in self.stages.items()
        }

    def maker(self, file: str) -> str:
        """The stage that makes a file."""
        return self._maker[file]

    def changed(self, file: str, before: Any, after: Any) -> set[str]:
        """The stages of which an entry is another one in the new content of a file."""
        entries = {entry for stage in self.stages.values() for entry in stage.params if entry[0] == file}
        other = {entry for entry in entries if _value(before, entry[1]) != _value(after, entry[1])}
        return {name for name, stage in self.stages.items() if stage.params & other}

    def downstream(self, names: Iterable[str], without: str) -> set[str]:
        """Stages, and all that depend on what they make, but for one stage that always makes the same."""
        found = set(names) - {without}
        while more := {name for name, above in self._upstream.items() if above & found} - found - {without}:
            found |= more
        return found


def _stage(node: Mapping[str, Any]) -> Stage:
    params = {(file, key) for group in node.get("params", []) for file, keys in group.items() for key in keys or [""]}
    outs = {file for kind in ("outs", "metrics") for out in node.get(kind, []) for file in out}
    return Stage(frozenset(node.get("deps", [])), frozenset(outs), frozenset(params))


def _value(tree: Any, key: str) -> Any:
    for part in key.split(".") if key else ():
        if not isinstance(tree, dict) or part not in tree:
            return MISSING
        tree = tree[part]
    return tree
