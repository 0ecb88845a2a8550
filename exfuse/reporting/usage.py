"""What each network took: size, operations, time predicted and happened, memory, energy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exfuse.planning.prediction import read_prediction
from exfuse.reporting.bill import predicted_jobs
from exfuse.reporting.costs import Cost, NetworkCosts
from exfuse.reporting.energy import energy
from exfuse.reporting.lineage import FRESH, Record
from exfuse.spec.devices import Device
from exfuse.spec.graph import Graph


@dataclass(frozen=True)
class Usage:
    """A backbone or a run, all its seeds and stages together.

    Attributes:
        kind: "backbone" or "run".
        name: in ``params/``.
        title: as declared.
        cost: parameters and operations; none where they were not counted.
        jobs: that were made.
        seconds: of the clock, summed over them; none where none was made.
        interrupted: how many of them have the seconds of their last process alone.
        predicted: seconds, where all of them were predicted before they ran in one go.
        memory_mb: the largest of a process.
        gpu_memory_mb: the largest that tensors took of a GPU.
        watt_hours: an estimate; none where that of a job is not known.
    """

    kind: str
    name: str
    title: str
    cost: Cost | None
    jobs: int
    seconds: float | None
    interrupted: int
    predicted: float | None
    memory_mb: int | None
    gpu_memory_mb: int | None
    watt_hours: float | None

    @property
    def ratio(self) -> float | None:
        """Predicted to happened."""
        return self.predicted / self.seconds if self.predicted is not None and self.seconds else None


def usages(
    graph: Graph, records: Sequence[Record], costs: NetworkCosts | None, devices: Mapping[str, Device]
) -> list[Usage]:
    """All declared backbones and runs, as far as they were counted or made."""
    prediction = read_prediction(graph)
    known = (
        {}
        if prediction is None
        else {name: one.seconds for name, (one, _) in predicted_jobs(graph, prediction).items()}
    )
    counted = {(one.kind, one.name): one for one in costs.networks} if costs else {}
    found = []
    for kind, declared in (("backbone", graph.spec.backbones), ("run", graph.spec.runs)):
        for name, one in declared.items():
            made = [about for about in records if about.state == FRESH and _is_of(about, kind, name)]
            found.append(_usage(kind, name, one.title, counted.get((kind, name)), made, known, devices))
    return [one for one in found if one.jobs or one.cost is not None]


def _is_of(about: Record, kind: str, name: str) -> bool:
    return about.job.name.split("/")[:2] == [f"{kind}s", name]


def _usage(
    kind: str, name: str, title: str, cost: Cost | None, made: Sequence[Record], known: Mapping[str, float],
    devices: Mapping[str, Device],
) -> Usage:  # fmt: skip
    seconds = [about.seconds for about in made if about.seconds is not None]
    estimates = [found for about in made if (found := energy(about, devices)) is not None]
    timed = bool(made) and len(seconds) == len(made)
    interrupted = sum(about.interrupted for about in made)
    predicted = [known[about.job.name] for about in made if about.job.name in known and not about.interrupted]
    return Usage(
        kind=kind,
        name=name,
        title=title,
        cost=cost,
        jobs=len(made),
        seconds=sum(seconds) if seconds else None,
        interrupted=interrupted,
        predicted=sum(predicted) if timed and len(predicted) == len(made) else None,
        memory_mb=max((about.peak_memory_mb or 0 for about in made), default=0) or None,
        gpu_memory_mb=max((about.peak_gpu_memory_mb or 0 for about in made), default=0) or None,
        watt_hours=sum(one.watt_hours for one in estimates) if made and len(estimates) == len(made) else None,
    )
