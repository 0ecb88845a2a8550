"""The preset's hyper-parameters as the workflow's parameters: each with its value and where it comes from."""

from typing import Any

from rocrate.model import Entity
from rocrate.rocrate import ROCrate

from exfuse.reporting.crate.parts import local, once, plain, value
from exfuse.spec.base import LedgerEntry
from exfuse.spec.graph import Graph

TYPES = {bool: "Boolean", int: "Integer", float: "Float"}


def parameters(crate: ROCrate, graph: Graph) -> tuple[list[Entity], list[Entity]]:
    """What the workflow is given: slots, and what stands in them."""
    spec = graph.spec
    lines: list[tuple[str, Any, str]] = [
        ("preset", spec.preset.name, spec.preset.description),
        ("data", spec.preset.data, spec.folder.title),
        ("seeds", spec.preset.seeds, "trainings of each run"),
    ]
    lines += [(entry.path, entry.value, _origin(entry)) for entry in spec.ledger]
    slots: dict[str, Entity] = {}
    values = []
    for path, given, why in lines:
        slot = slots.setdefault(path, _slot(crate, path, "Text" if given is None else _type(given)))
        one = value(crate, "setting", path, plain(given), description=why, exampleOfWork=slot)
        slot.append_to("workExample", one)
        values.append(one)
    return list(slots.values()), list(dict.fromkeys(values))


def outputs(crate: ROCrate, made: dict[str, list[Entity]]) -> list[Entity]:
    """What the workflow gives: slots, of which each file says that it is an example."""
    slots = []
    for name, files in made.items():
        slot = _slot(crate, name, "File")
        for one in files:
            one["exampleOfWork"] = slot
        slot["workExample"] = files
        slots.append(slot)
    return slots


def _slot(crate: ROCrate, name: str, kind: str) -> Entity:
    return once(crate, local("parameter", name), "FormalParameter", {"name": name, "additionalType": kind})


def _origin(entry: LedgerEntry) -> str:
    return f"{entry.source}: {entry.why}" if entry.why else entry.source


def _type(given: Any) -> str:
    return TYPES.get(type(given), "Text")
