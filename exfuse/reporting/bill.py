"""What the jobs took against what was predicted of them as their run began."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exfuse.planning.prediction import Predicted, Prediction, read_prediction
from exfuse.reporting.lineage import FRESH, Record, record
from exfuse.spec.graph import Graph

SLACK_SECONDS = 1.0
"""Provenance tells whole seconds."""
PAGE = frozenset({"html", "crate"})
"""Rules of the page that holds the bill, and of what is made of that page: a bill with them would never settle."""
MEASURING = frozenset({"pretrain", "finetune", "finetune_chain", "evaluate", "submit"})
"""Rules up to which a run is timed; what prints its results may be made again at any time."""


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of a rule, or all: how many, and the seconds of the clock that were predicted and that it took."""

    name: str
    jobs: int
    predicted: float
    happened: float

    @property
    def ratio(self) -> float:
        """Predicted to happened."""
        return self.predicted / self.happened if self.happened else float("inf")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of the graph from its start to the end of its last training or evaluation.

    Attributes:
        jobs: trainings and evaluations that it made.
        count: devices.
        rates: where the predicted rates come from, in words.
        predicted: seconds, with those of tables and figures after the last evaluation.
        happened: seconds, without them.
    """

    jobs: int
    count: int
    rates: str
    predicted: float
    happened: float


@dataclass(frozen=True, slots=True)
class Bill:
    """Predicted against happened, by rule and in total, the largest run's length, and trainings that were left out.

    The provenance of a training that was interrupted has the seconds of its last process alone.
    """

    rules: tuple[Line, ...]
    total: Line
    span: Span | None
    interrupted: int


def bill(graph: Graph) -> Bill | None:
    """Of the jobs that ran in one go after they were predicted, without the page itself; none where no job ran."""
    prediction = read_prediction(graph)
    if prediction is None:
        return None
    every = {name: pair for name, pair in predicted_jobs(graph, prediction).items() if pair[0].rule not in PAGE}
    if not every:
        return None
    ran = {name: pair for name, pair in every.items() if len(pair[1].stretches) <= 1}
    rules = tuple(dict.fromkeys(one.rule for one, _ in ran.values()))
    lines = tuple(_line(rule, (pair for pair in ran.values() if pair[0].rule == rule)) for rule in rules)
    return Bill(lines, _line("all", ran.values()), _span(prediction, ran), len(every) - len(ran))


def predicted_jobs(graph: Graph, prediction: Prediction) -> dict[str, tuple[Predicted, Record]]:
    """Jobs whose latest provenance is of the run that was predicted, or of a later one."""
    found = {}
    for name, predicted in prediction.jobs.items():
        if name not in graph.jobs:
            continue
        about = record(graph, name)
        ended = _ended(about)
        if about.state == FRESH and about.seconds is not None and ended and ended + SLACK_SECONDS >= predicted.start:
            found[name] = predicted, about
    return found


def _ended(about: Record) -> float | None:
    """When a job had finished, in seconds since 1970."""
    return None if about.ended is None else about.ended.timestamp()


def _line(name: str, pairs: Iterable[tuple[Predicted, Record]]) -> Line:
    found = list(pairs)
    happened = sum(about.seconds or 0.0 for _, about in found)
    return Line(name, len(found), sum(predicted.seconds for predicted, _ in found), happened)


def _span(prediction: Prediction, ran: Mapping[str, tuple[Predicted, Record]]) -> Span | None:
    """The run that was predicted to be longest, if all its trainings and evaluations have been done."""
    if not prediction.starts:
        return None
    start = max(prediction.starts, key=lambda start: start.makespan)
    asked = [name for name, one in prediction.jobs.items() if one.start == start.when and one.rule in MEASURING]
    if not asked or any(name not in ran for name in asked):
        return None
    ends = [_ended(ran[name][1]) or 0.0 for name in asked]
    return Span(len(asked), start.count, start.rates, start.makespan, max(ends) - start.when)
