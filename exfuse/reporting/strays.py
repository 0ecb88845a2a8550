"""Folders of results that the present ``params/`` know nothing of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exfuse.reporting.evaluations import shown_path
from exfuse.spec.graph import Graph


@dataclass(frozen=True)
class Stray:
    """A folder that no job makes: where it lies, what it may be, what to do."""

    path: str
    what: str


def strays(graph: Graph) -> list[Stray]:
    """Folders below ``backbones/`` and ``runs/`` that no job of the preset writes into; the page shows none of them."""
    known = {folder for job in graph.jobs.values() for folder in job.manifest.parents}
    found = [*_below(graph.layout.base / "backbones", 1, known), *_below(graph.layout.base / "runs", 3, known)]
    return [Stray(shown_path(graph, path), _what(graph, path)) for path in found]


def _below(folder: Path, depth: int, known: set[Path]) -> Iterator[Path]:
    """The outermost unknown folders, some levels deep."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return
    for path in inside:
        if path not in known:
            yield path
        elif depth > 1:
            yield from _below(path, depth - 1, known)


def _what(graph: Graph, path: Path) -> str:
    kind, name, *rest = path.relative_to(graph.layout.base).parts
    spec = graph.spec
    if kind == "backbones":
        why = spec.why_no_backbone(name) if name in spec.backbones else None
        return _why(why, f"no backbone of params/backbones.yaml is called {name}")
    if not rest:
        why = spec.why_no_run(name) if name in spec.runs else None
        return _why(why, f"no run of params/runs.yaml is called {name}")
    if len(rest) == 1 and not re.fullmatch(r"seed\d+", rest[0]):
        return f"in a run lie seed0, seed1 …, and {rest[0]} is none: move the folder away"
    if len(rest) == 1:
        seeds = spec.preset.seeds
        return f"the preset asks for {seeds} seed{'' if seeds == 1 else 's'}: raise `seeds`, or move the folder away"
    return f"{name} has no stage {rest[1]}: declare it in params/runs.yaml, or move the folder away"


def _why(reason: str | None, unknown: str) -> str:
    if reason is not None:
        return f"this preset does not make it ({reason}): move the folder away, or choose the preset that does"
    return f"{unknown}: declare it, or move the folder away"
