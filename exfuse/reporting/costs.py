"""What the networks cost at the preset's sizes, from what the job `models/costs` counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from exfuse.reporting.evaluations import UNREADABLE, read_fresh, read_or_why, shown_path
from exfuse.spec.graph import Graph
from exfuse.spec.spec import Spec

JOB = "models/costs"
LARGEST = 2**63
"""Of parameters and operations; what is said to take more is a mistake."""


@dataclass(frozen=True)
class Cost:
    """A network: its name in ``params/``, and what one image of ``size``² pixels costs.

    Attributes:
        kind: "backbone" or "run".
        name: in ``params/``.
        title: as declared.
        size: side of the image in pixels.
        parameters: learned numbers.
        macs: multiply-accumulates of a forward pass.
    """

    kind: str
    name: str
    title: str
    size: int
    parameters: int
    macs: int


@dataclass(frozen=True)
class Rearranged:
    """Two backbones that differ in the layout of their blocks alone (§3.1)."""

    before: Cost
    after: Cost
    blocks_before: tuple[int, ...]
    blocks_after: tuple[int, ...]


@dataclass(frozen=True)
class NetworkCosts:
    """All networks, and those pairs that layer rearrangement sets apart."""

    networks: tuple[Cost, ...]
    rearranged: tuple[Rearranged, ...]


def network_costs(graph: Graph) -> NetworkCosts | None:
    """What was counted; none where it was not, or for other networks."""
    content = read_fresh(graph, graph.layout.costs, graph.jobs[JOB])
    if content is None:
        return None
    spec = graph.spec
    try:
        counted = content["backbones"], content["runs"]
        backbones = [_cost("backbone", name, one.title, counted[0][name]) for name, one in spec.backbones.items()]
        runs = [_cost("run", name, one.title, counted[1][name]) for name, one in spec.runs.items()]
    except (KeyError, TypeError, ValueError):  # cut, or another's
        return None
    return NetworkCosts((*backbones, *runs), tuple(_rearranged(spec, {one.name: one for one in backbones})))


def why_no_costs(graph: Graph) -> str:
    """The state and the file that is in the way of the counts."""
    content = read_or_why(graph, graph.layout.costs, graph.jobs[JOB])
    return content if isinstance(content, str) else f"{UNREADABLE}: {shown_path(graph, graph.layout.costs)}"


def amount(count: int) -> str:
    """A large number with its unit: 7.970 G, 52.381 M."""
    unit, scale = ("G", 1e9) if count >= 1e9 else ("M", 1e6) if count >= 1e6 else ("k", 1e3)
    return f"{count / scale:.3f} {unit}"


def _cost(kind: str, name: str, title: str, counted: Mapping[str, object]) -> Cost:
    size, parameters, macs = (_count(counted[of]) for of in ("size", "parameters", "macs"))
    return Cost(kind, name, title, size, parameters, macs)


def _count(stated: object) -> int:
    """A number of things.

    Raises:
        ValueError: it is none, or more than there can be.
    """
    if not isinstance(stated, int) or isinstance(stated, bool) or not 0 < stated < LARGEST:
        raise ValueError("no number of parameters or operations")
    return stated


def _rearranged(spec: Spec, costs: Mapping[str, Cost]) -> list[Rearranged]:
    found = []
    for name in spec.backbones:
        for other in spec.backbones:
            plain, moved = spec.backbones[other], spec.backbones[name]
            if moved.rearranged and not plain.rearranged:
                before, after = spec.backbone(other), spec.backbone(name)
                if before == after.model_copy(update={"blocks": before.blocks}):
                    found.append(Rearranged(costs[other], costs[name], before.blocks, after.blocks))
    return found
