"""What was predicted of a run when it began, kept beside its results: the report holds it against what came."""

import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.planning.counts import known_works
from exfuse.planning.demands import demands, subjects
from exfuse.planning.machine import Choice, choose
from exfuse.planning.plan import Plan, make_plan
from exfuse.planning.sound import positive, whole, words
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph

HOW = "`exfuse plan --measure` before a run makes one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """What was predicted of a job.

    Attributes:
        rule: that makes it.
        seconds: of the clock.
        start: when the run began that was to make it, in seconds since 1970.
    """

    rule: str
    seconds: float
    start: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A run of the graph as it began.

    Attributes:
        when: in seconds since 1970.
        count: devices that it had.
        makespan: seconds that it was to take.
        rates: where they come from, in words.
    """

    when: float
    count: int
    makespan: float
    rates: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The jobs' latest predictions, and the runs that they belong to."""

    jobs: Mapping[str, Predicted]
    starts: tuple[Start, ...]


def record(graph: Graph, stale: Collection[str] | None = None, cores: int | None = None) -> None:
    """Writes `results/<preset>/plan.json` as a run begins: its stale jobs, and those of earlier runs that are fresh.

    It takes no torch and no second, and never keeps a run from beginning: whatever is in its way it says.

    Args:
        graph: what is about to run.
        stale: names of the jobs that do; none: found out.
        cores: that Snakemake may use; none: all.
    """
    try:
        _record(graph, stale_jobs(graph) if stale is None else stale, cores)
    except Exception as error:
        print(f"no prediction of this run: {error}", file=sys.stderr)


def read_prediction(graph: Graph) -> Prediction | None:
    """What :func:`record` wrote; none where there is nothing that can be read."""
    try:
        content = read_json(graph.layout.base / "plan.json")
        jobs = {name: _predicted(entry) for name, entry in content["jobs"].items()}
        return Prediction(jobs, tuple(_start(entry) for entry in content["starts"]))
    except (UserError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _predicted(entry: Mapping[str, Any]) -> Predicted:
    return Predicted(rule=words(entry["rule"]), seconds=positive(entry["seconds"]), start=positive(entry["start"]))


def _start(entry: Mapping[str, Any]) -> Start:
    return Start(
        when=positive(entry["when"]),
        count=whole(entry["count"], 1),
        makespan=positive(entry["makespan"]),
        rates=words(entry["rates"]),
    )


def _record(graph: Graph, stale: Collection[str], cores: int | None) -> None:
    if not stale:
        return
    done = [name for name in graph.jobs if name not in stale]
    needed = subjects(demands(graph, done))
    works = known_works(graph, needed)
    if len(works) < len(needed):
        print(f"no prediction of this run: its networks are not counted; {HOW}", file=sys.stderr)
        return
    machine, terms = choose(graph, needed, Choice(count=cores if graph.spec.preset.hardware.device == "cpu" else None))
    plan = make_plan(graph, works, machine, done)
    if not plan.jobs:
        return
    write_json(graph.layout.base / "plan.json", _content(graph, plan, terms.rates[0], read_prediction(graph)))


def _content(graph: Graph, plan: Plan, rates: str, before: Prediction | None) -> dict[str, Any]:
    now = time.time()
    kept = {name: one for name, one in before.jobs.items() if name in graph.jobs} if before else {}
    new = {job.name: Predicted(rule=job.rule, seconds=job.seconds, start=now) for job in plan.jobs}
    jobs = {**kept, **new}
    used = {one.start for one in jobs.values()}
    starts = [start for start in (before.starts if before else ()) if start.when in used]
    starts.append(Start(when=now, count=plan.count, makespan=plan.timetable.makespan, rates=rates))
    return {
        "starts": [{name: getattr(start, name) for name in start.__slots__} for start in starts],
        "jobs": {name: {key: getattr(one, key) for key in one.__slots__} for name, one in jobs.items()},
    }
