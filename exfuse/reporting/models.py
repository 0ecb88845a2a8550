"""The page's lists of backbones and runs: what each is, how it was trained, what it scored, which jobs made it."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from exfuse.reporting.evaluations import MISSING, STALE, Evaluation, evaluate, measure_jobs, read_fresh, training_steps
from exfuse.reporting.lineage import FRESH, Record, record
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Backbone, Measure, Run


@dataclass(frozen=True)
class TrainedBackbone:
    """A backbone: its declaration, its error and its job (none where the preset does not make it)."""

    name: str
    declared: Backbone
    error: Evaluation
    record: Record | None


@dataclass(frozen=True)
class Stage:
    """A stage of a run: steps, and one job a seed."""

    name: str
    steps: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class TrainedRun:
    """A run with all that came of it.

    Attributes:
        name: its name in ``params/runs.yaml``.
        declared: as declared.
        why_not: why the preset does not make it; none where it does.
        backbone: the backbone that it starts from.
        stages: its own stages.
        evaluations: the jobs that score it, one a seed.
        plain: mIoU.
        flipped: mIoU with mirrored images.
        boundary: mIoU within GCN's distance of a label change, percent; none where it was not measured.
        interior: mIoU elsewhere.
    """

    name: str
    declared: Run
    why_not: str | None
    backbone: str
    stages: tuple[Stage, ...]
    evaluations: tuple[Record, ...]
    plain: Evaluation
    flipped: Evaluation | None
    boundary: float | None
    interior: float | None

    @property
    def records(self) -> list[Record]:
        """All jobs that are the run's own."""
        return [*(one for stage in self.stages for one in stage.records), *self.evaluations]

    @property
    def state(self) -> str:
        """``made``, or what is in the way of it."""
        if self.why_not is not None:
            return self.why_not
        states = {one.state for one in self.records}
        return next((state for state in (MISSING, STALE) if state in states), FRESH)

    @property
    def seconds(self) -> float | None:
        """Seconds of all its jobs together; none where none is known."""
        known = [one.seconds for one in self.records if one.seconds is not None]
        return sum(known) if known else None

    def facts(self, name: str) -> list[str]:
        """Distinct values of a line of provenance over its jobs."""
        return list(dict.fromkeys(value for one in self.records for value in one.values(name)))


def trained_backbones(graph: Graph) -> list[TrainedBackbone]:
    """All declared backbones."""
    found = []
    for name, declared in graph.spec.backbones.items():
        error = evaluate(graph, Measure(backbone=name, metric="top1_error"))
        job = f"backbones/{name}"
        found.append(TrainedBackbone(name, declared, error, record(graph, job) if job in graph.jobs else None))
    return found


def trained_runs(graph: Graph) -> list[TrainedRun]:
    """All declared runs."""
    return [_run(graph, name, declared) for name, declared in graph.spec.runs.items()]


def _run(graph: Graph, name: str, declared: Run) -> TrainedRun:
    why_not = graph.spec.why_no_run(name)
    on_val = declared.evaluated_on == "val"
    measure = Measure(run=name, metric="miou" if on_val else "test_miou")
    split = _mean_split(graph, measure) if on_val else {}
    return TrainedRun(
        name=name,
        declared=declared,
        why_not=why_not,
        backbone=graph.spec.backbone_name(name),
        stages=() if why_not is not None else _stages(graph, name, declared),
        evaluations=tuple(record(graph, job.name) for job in measure_jobs(graph, measure)),
        plain=evaluate(graph, measure),
        flipped=evaluate(graph, Measure(run=name, flip=True)) if on_val else None,
        boundary=split.get("boundary_miou"),
        interior=split.get("interior_miou"),
    )


def _stages(graph: Graph, name: str, declared: Run) -> tuple[Stage, ...]:
    own = training_steps(graph, name)[-len(declared.stages) :]
    seeds = range(graph.spec.preset.seeds)
    return tuple(
        Stage(stage, steps, tuple(record(graph, f"runs/{name}/seed{seed}/{stage}") for seed in seeds))
        for stage, steps in own
    )


def _mean_split(graph: Graph, measure: Measure) -> Mapping[str, float]:
    """Boundary and interior mIoU in percent, mean over the fresh seeds."""
    values: dict[str, list[float]] = {"boundary_miou": [], "interior_miou": []}
    for job in measure_jobs(graph, measure):
        content = read_fresh(graph, job.manifest.with_name("val.json"), job.key) or {}
        for name, numbers in values.items():
            if isinstance(content.get(name), int | float):
                numbers.append(100.0 * content[name])
    return {name: fmean(numbers) for name, numbers in values.items() if numbers}
