"""Counted networks that are remembered, so that a plan needs no torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from exfuse.files import read_mapping, write_json
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph


def known_works(graph: Graph, keys: Iterable[str]) -> dict[str, Work]:
    """What is known of networks, by their subjects' keys: from the job `models/costs`, and from earlier plans."""
    counted = read_mapping(graph.layout.costs).get("counted")
    stored = {**read_mapping(_cache(graph.spec.root)), **(counted if isinstance(counted, dict) else {})}
    found = {}
    for key in keys:
        try:
            found[key] = Work.of(stored[key])
        except (KeyError, TypeError, ValueError, AttributeError):  # not counted yet, by other code, or damaged
            continue
    return found


def remember(root: Path, works: Mapping[str, Work]) -> None:
    """Adds to what is remembered. Of two at once the last one's counts stay; the other's are counted again.

    Raises:
        UserError: it cannot be written.
    """
    cache = _cache(root)
    write_json(cache, {**read_mapping(cache), **{key: work.plain() for key, work in works.items()}})


def _cache(root: Path) -> Path:
    return root / ".exfuse" / "counts.json"
