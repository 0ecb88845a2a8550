"""The bill: what every job of a graph takes, and when all are done on a number of devices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from exfuse.planning.demands import Demand, demands
from exfuse.planning.disk import output_bytes, state_bytes
from exfuse.planning.rates import Rates
from exfuse.planning.schedule import Schedule, Task, schedule
from exfuse.planning.subjects import gpus_of
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph

NEED_TORCH = ("pretrain", "finetune", "finetune_chain", "trace", "cost", "probe")
TRAINING_MACS = 3
"""Of a trained image, in forward passes: one forward, two for the gradients of inputs and weights."""
OTHER_SECONDS = {"archives": 5.5, "figure": 1.5, "chart": 1.5, "trace": 6.0, "cost": 3.0}
"""Of jobs without a training, beside what a process takes to start: seen with `mini` on two cores."""
BESIDE_SECONDS = 0.3
"""Of each job, in no provenance: Snakemake takes 0.14 s, the interpreter about as long before it looks at a clock."""
PREPARED_PER_SECOND = {"imagenet": 20_000.0}
"""Images by publisher (docs/performance.md)."""
CONVERTED_PER_SECOND = {True: 1000.0, False: 80.0}
"""Images of any other publisher in one process, by whether the project made them: photographs take 12 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedJob:
    """What one job takes.

    Attributes:
        name: its name in the graph.
        rule: that makes it.
        devices: that it holds while it runs; 0: none.
        wanted: that the preset's resources give it; where that is more, the program refuses the job.
        samples: images through networks, trained on or scored.
        macs: multiply-accumulates.
        seconds: of the clock.
        memory_bytes: of each of its devices, at the peak.
        disk_bytes: of its outputs.
        state_bytes: beside them while it runs.
    """

    name: str
    rule: str
    devices: int
    wanted: int
    samples: int
    macs: int
    seconds: float
    memory_bytes: int
    disk_bytes: int
    state_bytes: int

    @property
    def device_seconds(self) -> float:
        """Seconds of all its devices."""
        return self.seconds * self.devices


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A graph's jobs, upstream before downstream, and their schedule.

    Attributes:
        jobs: those that are to run.
        count: devices that there are.
        timetable: when they run.
        unknown: what cannot be told before the data are there.
    """

    jobs: tuple[PlannedJob, ...]
    count: int
    timetable: Schedule
    unknown: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Of all jobs, one after the other."""
        return sum(job.seconds for job in self.jobs)

    @property
    def device_seconds(self) -> float:
        """Of all jobs and their devices."""
        return sum(job.device_seconds for job in self.jobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What jobs run on.

    Attributes:
        count: devices that there are.
        cores: whether the devices are cores, so that every job holds some.
        rates: how fast they are.
    """

    count: int
    cores: bool
    rates: Rates


def make_plan(
    graph: Graph,
    works: Mapping[str, Work],
    machine: Machine,
    done: Collection[str] = (),
    saved: Mapping[str, int] | None = None,
) -> Plan:
    """What the jobs that are not done take.

    Args:
        graph: all jobs.
        works: what each network asks for, by its subject's key.
        machine: what they run on.
        done: names of jobs that do not run.
        saved: steps of interrupted trainings that are not done again, by job.
    """
    asked = demands(graph, done, saved)
    jobs = [_planned(graph, demand, works, machine) for demand in asked]
    tasks = [
        Task(job.name, job.seconds + BESIDE_SECONDS, job.devices, (*demand.job.upstream, *demand.job.after))
        for job, demand in zip(jobs, asked, strict=True)
    ]
    unknown = tuple(dict.fromkeys(demand.unknown for demand in asked if demand.unknown))
    return Plan(jobs=tuple(jobs), count=machine.count, timetable=schedule(tasks, machine.count), unknown=unknown)


def _planned(graph: Graph, demand: Demand, works: Mapping[str, Work], machine: Machine) -> PlannedJob:
    devices, wanted = _devices(graph, demand, machine)
    macs = sum(
        works[scoring.subject.key].forward_macs * scoring.passes // scoring.subject.images
        for scoring in demand.scorings
    )
    memory = 0
    if (course := demand.course) is not None:
        work = works[course.subject.key]
        macs += TRAINING_MACS * work.forward_macs * course.samples // work.images
        memory = work.memory(course.momenta, course.at_once(max(1, devices)))
    return PlannedJob(
        name=demand.job.name,
        rule=demand.rule,
        devices=devices,
        wanted=wanted,
        samples=demand.samples,
        macs=macs,
        seconds=_seconds(graph, demand, works, machine.rates, max(1, devices)),
        memory_bytes=memory or max((_scored_bytes(works[one.subject.key]) for one in demand.scorings), default=0),
        disk_bytes=output_bytes(graph, demand, works),
        state_bytes=state_bytes(demand, works),
    )


def _scored_bytes(work: Work) -> int:
    """Memory of an evaluation, which keeps nothing for a backward pass."""
    return work.state_bytes + work.largest_bytes


def _devices(graph: Graph, demand: Demand, machine: Machine) -> tuple[int, int]:
    """As many as can share its batches of those that the spec's resources give it, at most all; and those.

    Cores that are missing slow a job down. GPUs that are missing do not: it is refused.
    """
    if machine.cores:
        threads = graph.spec.preset.hardware.threads if demand.subjects else 1
        held = min(machine.count, graph.spec.resources(demand.rule).team * threads)
        return held, held
    if not demand.subjects:
        return 0, 0
    wanted = gpus_of(graph, demand.rule)
    held = min(machine.count, wanted)
    return (demand.course.shared_by(held) if demand.course else held), wanted


def _seconds(graph: Graph, demand: Demand, works: Mapping[str, Work], rates: Rates, devices: int) -> float:
    seconds = rates.start_seconds(demand.rule in NEED_TORCH or bool(demand.subjects))
    seconds += OTHER_SECONDS.get(demand.rule, 0.0)
    if (course := demand.course) is not None:
        seconds += course.steps * rates.step_seconds(course, works[course.subject.key], devices)
    for scoring in demand.scorings:
        seconds += scoring.passes * rates.pass_seconds(scoring.subject, works[scoring.subject.key])
    if demand.prepared:
        made = graph.spec.folder.generated is not None
        publisher = demand.job.name.removeprefix("data/")
        seconds += demand.prepared / PREPARED_PER_SECOND.get(publisher, CONVERTED_PER_SECOND[made])
    return seconds
