"""What was measured for an evaluation that the paper prints, and why nothing was where nothing was.

A number counts only when it was made under the key that the spec asks for now; a stale, absent or unreadable file
gives its state in place of the number, never an exception.
"""

import reprlib
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from exfuse.errors import UserError
from exfuse.files import is_file, read_json
from exfuse.reporting.contradictions import contradiction, is_altered, is_described
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph, Job
from exfuse.spec.paper import Measure
from exfuse.spec.settings import StageName

MEASURED = "measured"
QUOTED = "quoted"
WAITING = "waiting for the server's score"
MISSING = "missing"
STALE = "stale"
UNREADABLE = "unreadable"
CONTRADICTORY = "contradictory"
NOT_RUN = "not run"

COMMON_STAGE: StageName = "trainaug"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation over the seeds of a preset.

    Attributes:
        status: ``measured`` where at least one seed has a fresh number; otherwise the state of the first seed.
        values: percent by seed.
        detail: which file is in the way, or what a reader has to know about the number.
        lost: whether a file is gone that its job left behind. What was not made is listed once for the whole page; of
            this only the number's own place can tell.
    """

    status: str
    values: Mapping[int, float] = field(default_factory=dict)
    detail: str = ""
    lost: bool = False

    @property
    def told(self) -> str:
        """The detail, where nothing else tells it."""
        return self.detail if self.lost or self.status not in (MISSING, STALE) else ""

    @property
    def mean(self) -> float | None:
        """Mean over the seeds, percent."""
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over two or more seeds, points."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None


class _UnusableError(Exception):
    """An evaluation file without a number that counts.

    Args:
        status: as of :class:`Evaluation`.
        detail: as there.
        lost: as there.
    """

    def __init__(self, status: str, detail: str, lost: bool = False) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.lost = status, detail, lost


def evaluate(graph: Graph, measure: Measure) -> Evaluation:
    """Reads an evaluation of every seed."""
    if measure.metric == "test_miou":
        return _from_test_server(graph, str(measure.run))
    reason = graph.spec.why_not(measure)
    if reason is not None:
        return Evaluation(status=reason)
    values, problems = {}, []
    for seed, job in enumerate(measure_jobs(graph, measure)):
        try:
            values[seed] = _percent(graph, job, measure, seed)
        except _UnusableError as problem:
            problems.append(problem)
    status = MEASURED if values else problems[0].status
    detail = "; ".join(problem.detail for problem in problems)
    return Evaluation(status=status, values=values, detail=detail, lost=any(problem.lost for problem in problems))


def measure_jobs(graph: Graph, measure: Measure) -> list[Job]:
    """The jobs, one a seed, that make an evaluation."""
    jobs = graph.jobs
    return [jobs[name] for name in graph.measure_jobs(measure)]


def read_fresh(graph: Graph, source: Path, job: Job) -> Mapping[str, Any] | None:
    """A JSON file as a job left it, made from what the spec asks for now; none where it is anything else."""
    content = read_or_why(graph, source, job)
    return None if isinstance(content, str) else content


def read_or_why(graph: Graph, source: Path, job: Job) -> Mapping[str, Any] | str:
    """As :func:`read_fresh`, or in words what is in the way: a state, a colon, the file."""
    try:
        content = _fresh(graph, source, job)
        _require_described(graph, source, job)
    except _UnusableError as problem:
        return f"{problem.status}: {problem.detail}"
    return content


def value_file(job: Job, measure: Measure) -> Path:
    """The file in which a job keeps a measured number."""
    name = "metrics.json" if measure.backbone is not None else "val-flip.json" if measure.flip else "val.json"
    return job.manifest.with_name(name)


def shown_path(graph: Graph, path: Path) -> str:
    """A path as a person in the repository's root would write it."""
    root = graph.spec.root
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def altered(graph: Graph, job: Job, path: Path) -> str:
    """Why a file is not to be believed, if it is not the one that its job left behind; empty if it is."""
    if not is_altered(job, path):
        return ""
    return f"{CONTRADICTORY}: {shown_path(graph, path)} is not the file that its manifest describes"


def training_steps(graph: Graph, run: str) -> tuple[tuple[str, int], ...]:
    """Stages of a run's chain with the steps of each, as the spec asks for them."""
    spec = graph.spec
    return tuple((link.stage, spec.fine_tuning(link.run, link.stage).steps) for link in spec.chain(run))


def unequal_steps(graph: Graph, measures: Iterable[Measure]) -> str:
    """Steps of the models that are compared, by run, where a preset trains wide decoders for fewer; otherwise empty.

    Only the stage that every chain holds counts: that a chain has more stages is what a claim about COCO is about.
    """
    runs = dict.fromkeys(measure.run for measure in measures if measure.run is not None)
    steps = {run: graph.spec.fine_tuning(run, COMMON_STAGE).steps for run in runs}
    if len(set(steps.values())) < 2:
        return ""
    return ", ".join(f"{run} {count:,}" for run, count in steps.items())


def common_seeds(evaluations: Iterable[Evaluation]) -> list[int]:
    """Seeds that all of some evaluations have, ascending."""
    seeds = [set(evaluation.values) for evaluation in evaluations]
    return sorted(set.intersection(*seeds)) if seeds else []


def is_fraction(value: object) -> TypeGuard[float]:
    """Whether a value of a file is a number in 0–1; neither NaN nor an integer too long for a float is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _percent(graph: Graph, job: Job, measure: Measure, seed: int) -> float:
    source = value_file(job, measure)
    content = _fresh(graph, source, job)
    name = shown_path(graph, source)
    value = content.get(measure.metric)
    if value is None and isinstance(content.get("note"), str):
        raise _UnusableError(f"{NOT_RUN}: {content['note']}", name)
    if not is_fraction(value):
        raise _UnusableError(UNREADABLE, f"{name}: '{measure.metric}' is {reprlib.repr(value)}, not a fraction")
    expected = {} if measure.backbone is not None else {"flip": measure.flip, "seed": seed}
    _require_described(graph, source, job)
    reason = contradiction(content, expected)
    if reason:
        raise _UnusableError(CONTRADICTORY, f"{name}: {reason}")
    return 100.0 * value


def _fresh(graph: Graph, source: Path, job: Job) -> Mapping[str, Any]:
    """A file counts with its job's manifest alone, which is written last."""
    if not is_file(source):
        raise _UnusableError(MISSING, f"{shown_path(graph, source)} is not there", lost=has_expected_key(job))
    content = _keyed(graph, source, job.key)
    _keyed(graph, job.manifest, job.key)
    return content


def _require_described(graph: Graph, source: Path, job: Job) -> None:
    name = shown_path(graph, source)
    try:
        described = is_described(read_json(job.manifest), source, job.manifest.parent)
    except (UserError, OSError) as error:  # gone or closed since it was read
        raise _UnusableError(UNREADABLE, f"{name} cannot be read") from error
    if not described:
        detail = f"{name}: it is not the file that {job.manifest.name} describes; run its job again"
        raise _UnusableError(CONTRADICTORY, detail)


def _keyed(graph: Graph, source: Path, key: str) -> Mapping[str, Any]:
    """A JSON file with the expected ``key``."""
    name = shown_path(graph, source)
    if not is_file(source):
        raise _UnusableError(MISSING, f"{name} is not there")
    try:
        content = read_json(source)
    except UserError as error:
        raise _UnusableError(UNREADABLE, f"{name} cannot be read") from error
    if not isinstance(content, dict):
        raise _UnusableError(UNREADABLE, f"{name} holds no names and values")
    if content.get("key") != key:
        raise _UnusableError(STALE, f"{name} was made from other settings or data")
    return content


def _from_test_server(graph: Graph, run: str) -> Evaluation:
    """A score of the VOC test server, which only a person can enter."""
    reason = graph.why_no_submission(run)
    if reason is not None:
        return Evaluation(status=reason)
    submissions = measure_jobs(graph, Measure(run=run, metric="test_miou"))
    score = graph.spec.preset.test_server.get(run)
    if score is not None:
        values = {seed: score.miou for seed, job in enumerate(submissions) if job.key == score.key}
        if values:
            return Evaluation(status=MEASURED, values=values, detail="the test server's score, entered by hand")
        detail = f"the score of {run} in the preset belongs to submission {score.key}, not to the present"
        return Evaluation(status=STALE, detail=f"{detail} {submissions[0].key}")
    for job in submissions:
        if not is_file(job.manifest):
            return Evaluation(status=MISSING, detail=f"{shown_path(graph, job.outputs[0])} is not there")
        if not has_expected_key(job):
            return Evaluation(status=STALE, detail=f"{shown_path(graph, job.outputs[0])} was made from other settings")
    entry = f"test_server: {{{run}: {{miou: …, key: {submissions[0].key}}}}}"
    detail = f"send in {shown_path(graph, submissions[0].outputs[0])}, then enter its score in the preset: {entry}"
    return Evaluation(status=WAITING, detail=detail)
