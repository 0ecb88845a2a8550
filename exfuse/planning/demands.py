"""What each job of the graph asks for: trained steps, images through networks, images to prepare.

Jobs, settings and dependencies are the graph's own; nothing here lists them a second time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from exfuse.planning.images import publisher_images, set_images
from exfuse.planning.subjects import MOMENTA, Subject, fine_tuned, pretrained, takes_shares
from exfuse.spec.graph import Graph, Job, probed_runs
from exfuse.spec.rules import rule_of
from exfuse.spec.settings import FineTuning, Pretraining

ASKED = ("report", "tables/", "figures/", "gallery", "claims", "crate")
"""Beginnings of the names of what `snakemake` makes when it is told nothing else."""
FLIPS = 2
"""Passes for an image that is scored: as it is, and mirrored."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """A training.

    Attributes:
        subject: what is trained.
        steps: of the optimizer.
        parts: micro-batches of a batch.
        momenta: numbers that the optimizer keeps for each gradient.
        clipped: whether the gradient's norm is bounded.
        together: whether a process gives its whole share of a batch to the network at once.
    """

    subject: Subject
    steps: int
    parts: int
    momenta: int
    clipped: bool
    together: bool = False

    @property
    def samples(self) -> int:
        """Images that are trained on, repeats counted."""
        return self.steps * self.parts * self.subject.images

    def shared_by(self, processes: int) -> int:
        """As many of them as can share a batch evenly."""
        shares = self.parts * (self.subject.images if self.together else 1)
        return next(team for team in range(min(processes, shares), 0, -1) if shares % team == 0)

    def at_once(self, processes: int) -> float:
        """Images of a process that go through the network at once, in those of its subject."""
        return self.parts / processes if self.together else 1.0


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Forward passes for an evaluation.

    Attributes:
        subject: what is scored.
        passes: images through the network; a mirrored image is one more.
    """

    subject: Subject
    passes: int


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one job asks for.

    Attributes:
        job: its place in the graph.
        rule: that makes it.
        course: what it trains; none: nothing.
        scorings: what it evaluates.
        prepared: images that it converts, or indexes.
        unknown: what of it cannot be told before the data are there.
    """

    job: Job
    rule: str
    course: Course | None = None
    scorings: tuple[Scoring, ...] = ()
    prepared: int = 0
    unknown: str = ""

    @property
    def samples(self) -> int:
        """Images through networks, those of evaluations included."""
        trained = self.course.samples if self.course else 0
        return trained + sum(scoring.passes for scoring in self.scorings)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All networks that it needs."""
        trained = (self.course.subject,) if self.course else ()
        return (*trained, *(scoring.subject for scoring in self.scorings))


def wanted(graph: Graph) -> frozenset[str]:
    """Names of the jobs that `snakemake` runs for the page, tables, figures and claims; not every set is read."""
    found: set[str] = set()
    for name, job in reversed(list(graph.jobs.items())):
        if name in found or name.startswith(ASKED):
            found.update((name, *job.upstream, *job.after))
    return frozenset(found)


def demands(graph: Graph, done: Collection[str] = (), saved: Mapping[str, int] | None = None) -> list[Demand]:
    """What the jobs ask for that are wanted and not ``done``, upstream before downstream.

    Args:
        graph: all jobs.
        done: names of those that do not run.
        saved: steps of interrupted trainings that are not done again, by job.
    """
    names = wanted(graph).difference(done)
    found = (_demand(graph, job, done) for name, job in graph.jobs.items() if name in names)
    return [_resumed(demand, (saved or {}).get(demand.job.name, 0)) for demand in found]


def subjects(found: list[Demand]) -> dict[str, Subject]:
    """All networks, each once, by their keys."""
    return {subject.key: subject for demand in found for subject in demand.subjects}


def _resumed(demand: Demand, steps: int) -> Demand:
    """What is left of a training after some of its steps."""
    if demand.course is None or steps == 0:
        return demand
    return replace(demand, course=replace(demand.course, steps=max(0, demand.course.steps - steps)))


def _demand(graph: Graph, job: Job, done: Collection[str]) -> Demand:
    rule = rule_of(graph, job.name)
    if rule == "pretrain" and graph.spec.pretrains:
        return _pretraining(graph, job)
    if rule in ("finetune", "finetune_chain"):
        return _fine_tuning(graph, job, rule, done)
    if rule in ("evaluate", "submit"):
        return _evaluation(graph, job, rule, done)
    if rule == "probe":
        return _probing(graph, job)
    prepared = publisher_images(graph, job.name.removeprefix("data/")) if rule == "prepare" else 0
    if prepared is None:
        return Demand(job=job, rule=rule, unknown=f"the images of {job.name}")
    return Demand(job=job, rule=rule, prepared=prepared)


def _course(subject: Subject, settings: Pretraining | FineTuning) -> Course:
    return Course(
        subject=subject,
        steps=settings.steps,
        parts=settings.batch_size // subject.images,
        momenta=MOMENTA[settings.optimizer.name],
        clipped=settings.gradient_clip is not None,
        together=takes_shares(settings),
    )


def _pretraining(graph: Graph, job: Job) -> Demand:
    subject = pretrained(graph, job.name.removeprefix("backbones/"))
    images = publisher_images(graph, "imagenet", "val")
    scorings = () if images is None else (Scoring(subject=subject, passes=images),)
    unknown = "" if scorings else "ImageNet's validation images"
    course = _course(subject, graph.spec.preset.pretraining)
    return Demand(job=job, rule="pretrain", course=course, scorings=scorings, unknown=unknown)


def _fine_tuning(graph: Graph, job: Job, rule: str, done: Collection[str]) -> Demand:
    """The job of a run's last stage scores it as well, for the job that adopts what it finds."""
    subject = fine_tuned(graph, job)
    course = _course(subject, FineTuning.model_validate(job.settings["fine_tuning"]))
    split = graph.spec.runs[job.name.split("/")[1]].evaluated_on
    if not job.after or f"{job.name}/{split}" in done:
        return Demand(job=job, rule=rule, course=course)
    scorings, unknown = _scored(graph, subject, split)
    return Demand(job=job, rule=rule, course=course, scorings=scorings, unknown=unknown)


def _evaluation(graph: Graph, job: Job, rule: str, done: Collection[str]) -> Demand:
    training, _, split = job.name.rpartition("/")
    if training not in done:
        return Demand(job=job, rule=rule)
    scorings, unknown = _scored(graph, fine_tuned(graph, graph.jobs[training]), split)
    return Demand(job=job, rule=rule, scorings=scorings, unknown=unknown)


def _scored(graph: Graph, subject: Subject, split: str) -> tuple[tuple[Scoring, ...], str]:
    images = set_images(graph, split)
    if images is None:
        return (), f"the images of set {split}"
    return (Scoring(subject=subject, passes=FLIPS * images),), ""


def _probing(graph: Graph, job: Job) -> Demand:
    trained = [fine_tuned(graph, graph.jobs[name]) for name in probed_runs(graph).values()]
    fitting, scoring = set_images(graph, "trainaug"), set_images(graph, "val")
    if fitting is None or scoring is None:
        return Demand(job=job, rule="probe", unknown="the images of sets trainaug and val")
    passes = min(graph.spec.preset.probes.images, fitting) + scoring
    return Demand(job=job, rule="probe", scorings=tuple(Scoring(subject=subject, passes=passes) for subject in trained))
