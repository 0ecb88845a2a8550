"""The page's lists of backbones and runs: what each is, how it was trained, what it scored, which jobs made it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from exfuse.reporting.evaluations import (
    MISSING,
    STALE,
    Evaluation,
    evaluate,
    is_fraction,
    measure_jobs,
    read_fresh,
    training_steps,
)
from exfuse.reporting.lineage import FRESH, Record, record
from exfuse.reporting.settings import Origins, Own, own, shared
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Backbone, Measure, Run


@dataclass(frozen=True)
class TrainedBackbone:
    """A backbone: declaration, error, its job (none where the preset does not make it), and settings of its own."""

    name: str
    declared: Backbone
    error: Evaluation
    record: Record | None
    own: tuple[Own, ...]


@dataclass(frozen=True)
class Stage:
    """A stage of a run: steps, one job a seed, and the settings that they do not share with the stage's other runs."""

    name: str
    steps: int
    records: tuple[Record, ...]
    own: tuple[Own, ...]


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
        evaluated: settings that the evaluations do not share with those of other runs.
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
    evaluated: tuple[Own, ...]

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

    @property
    def interrupted(self) -> int:
        """How many of its jobs have the seconds of their last process alone."""
        return sum(one.interrupted for one in self.records)

    def facts(self, name: str) -> list[str]:
        """Distinct values of a line of provenance over its jobs."""
        return list(dict.fromkeys(value for one in self.records for value in one.values(name)))


class Usual:
    """What most jobs of each kind were given: backbones, stages, evaluations.

    Args:
        graph: the preset's jobs.
        records: of all jobs.
    """

    def __init__(self, graph: Graph, records: Sequence[Record]) -> None:
        self.origins = Origins(graph)
        kinds: dict[str, list[Record]] = {}
        for about in records:
            if (kind := _kind(about.job.name)) is not None:
                kinds.setdefault(kind, []).append(about)
        self.kinds = {kind: shared(kind, found, self.origins) for kind, found in kinds.items()}

    def unlike(self, records: Sequence[Record]) -> tuple[Own, ...]:
        """What some jobs of one kind were given besides."""
        kind = _kind(records[0].job.name) if records else None
        return () if kind is None else own(records, self.kinds[kind], self.origins)


def trained_backbones(graph: Graph, usual: Usual) -> list[TrainedBackbone]:
    """All declared backbones."""
    found = []
    for name, declared in graph.spec.backbones.items():
        error = evaluate(graph, Measure(backbone=name, metric="top1_error"))
        job = f"backbones/{name}"
        about = record(graph, job) if job in graph.jobs else None
        found.append(TrainedBackbone(name, declared, error, about, usual.unlike([about] if about else [])))
    return found


def trained_runs(graph: Graph, usual: Usual) -> list[TrainedRun]:
    """All declared runs."""
    return [_run(graph, name, declared, usual) for name, declared in graph.spec.runs.items()]


def _kind(job: str) -> str | None:
    """Jobs of a kind are compared by their settings: backbones, stages of one name, evaluations."""
    parts = job.split("/")
    if parts[0] == "backbones":
        return "backbones"
    return {"val": "evaluation", "test": "submission"}.get(parts[-1], parts[-1]) if parts[0] == "runs" else None


def _run(graph: Graph, name: str, declared: Run, usual: Usual) -> TrainedRun:
    why_not = graph.spec.why_no_run(name)
    on_val = declared.evaluated_on == "val"
    measure = Measure(run=name, metric="miou" if on_val else "test_miou")
    plain = evaluate(graph, measure)
    split = _mean_split(graph, measure, plain.values) if on_val else {}
    evaluations = tuple(record(graph, job.name) for job in measure_jobs(graph, measure))
    return TrainedRun(
        name=name,
        declared=declared,
        why_not=why_not,
        backbone=graph.spec.backbone_name(name),
        stages=() if why_not is not None else _stages(graph, name, declared, usual),
        evaluations=evaluations,
        plain=plain,
        flipped=evaluate(graph, Measure(run=name, flip=True)) if on_val else None,
        boundary=split.get("boundary_miou"),
        interior=split.get("interior_miou"),
        evaluated=usual.unlike(evaluations),
    )


def _stages(graph: Graph, name: str, declared: Run, usual: Usual) -> tuple[Stage, ...]:
    found = []
    for stage, steps in training_steps(graph, name)[-len(declared.stages) :]:
        seeds = range(graph.spec.preset.seeds)
        records = tuple(record(graph, f"runs/{name}/seed{seed}/{stage}") for seed in seeds)
        found.append(Stage(stage, steps, records, usual.unlike(records)))
    return tuple(found)


def _mean_split(graph: Graph, measure: Measure, seeds: Container[int]) -> Mapping[str, float]:
    """Boundary and interior mIoU in percent, mean over those seeds whose evaluation counts."""
    values: dict[str, list[float]] = {"boundary_miou": [], "interior_miou": []}
    for seed, job in enumerate(measure_jobs(graph, measure)):
        if seed not in seeds:
            continue
        content = read_fresh(graph, job.manifest.with_name("val.json"), job) or {}
        for name, numbers in values.items():
            if is_fraction(value := content.get(name)):
                numbers.append(100.0 * value)
    return {name: fmean(numbers) for name, numbers in values.items() if numbers}
