"""Which folder of results somebody may have meant who gave another one."""

from collections.abc import Iterable
from pathlib import Path

MOST = 3
"""Folders that are named."""


def advice(path: Path) -> str:
    """A question with the results folders below it (as of a clone) or above it (as of ``results/mini/runs``)."""
    found = [*_below(path), *_above(path)][:MOST]
    return f"Did you mean {' or '.join(map(str, found))}?" if found else "Give a results folder, such as results/mini."


def _below(path: Path) -> Iterable[Path]:
    return (folder for pattern in ("results/*", "*") for folder in sorted(path.glob(pattern)) if _holds_results(folder))


def _above(path: Path) -> Iterable[Path]:
    return (folder for folder in path.parents if _holds_results(folder))


def _holds_results(folder: Path) -> bool:
    """Whether there are tables, claims or backbones in it; nothing is read."""
    return any(
        any(folder.glob(pattern)) for pattern in ("tables/table*.csv", "claims.csv", "backbones/*/manifest.json")
    )
