"""The loop that all trainings share: a fixed number of steps over a stream of batches, from wherever it stopped."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import torch
from torch import Tensor, nn
from tqdm import tqdm

from exfuse import provenance
from exfuse.errors import UserError, within_memory
from exfuse.models.matching import not_finite
from exfuse.spec.settings import FineTuning, Hardware, Optimizer, Precision, Pretraining, Schedule
from exfuse.training.device import convolutions
from exfuse.training.history import History
from exfuse.training.interruption import interruption
from exfuse.training.losses import Losses
from exfuse.training.prefetch import on_device
from exfuse.training.saving import Saving
from exfuse.training.schedule import learning_rate
from exfuse.training.state import StateFolder
from exfuse.training.task import Task
from exfuse.training.team import ALONE, RunningStatistics, Team

SECONDS_BETWEEN_MESSAGES = 2.0
ADAMW_BETA2 = 0.999

Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]
"""Images and targets of each step, from a given one on (0: the first)."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What drives a training, apart from model and data."""

    title: str
    steps: int
    batch_size: int
    micro_batch: int
    """Images that go through the network at once; a step adds up the gradients of a whole batch."""
    optimizer: Optimizer
    schedule: Schedule
    gradient_clip: float | None
    device: torch.device
    precision: Precision = "float32"
    seconds_between_states: float = 600.0
    deterministic: bool = False
    """Whether a GPU may not choose convolutions by how fast they are."""

    @classmethod
    def of(cls, title: str, settings: Pretraining | FineTuning, hardware: Hardware, device: torch.device) -> Self:
        """The course that a preset's settings describe."""
        return cls(
            title=title,
            steps=settings.steps,
            batch_size=settings.batch_size,
            micro_batch=settings.micro_batch or settings.batch_size,
            optimizer=settings.optimizer,
            schedule=settings.schedule,
            gradient_clip=settings.gradient_clip,
            device=device,
            precision=hardware.precision,
            seconds_between_states=60.0 * hardware.minutes_between_states,
            deterministic=hardware.deterministic,
        )


def build_optimizer(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """SGD or AdamW over the parameters that are trained; the loop sets the rate of each step.

    Fused: each parameter is read and written once, on a processor as on a GPU.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=settings.momentum, weight_decay=decay, fused=True)
    betas = (settings.momentum, ADAMW_BETA2)
    return torch.optim.AdamW(parameters, rate, betas=betas, weight_decay=decay, fused=True)


def train(
    model: nn.Module,
    batches: Batches,
    task: Task,
    course: Course,
    states: StateFolder | None = None,
    team: Team = ALONE,
) -> History:
    """Trains a model in place; its mode (batch norm may be frozen) is the caller's.

    Args:
        model: what is trained.
        batches: gives images and targets of each step from a first one on, this process's share of them.
        task: what a batch's losses are.
        course: length, optimizer, schedule.
        states: where the training goes on from, and saves itself to; none: it begins, and saves nothing.
        team: the processes that train the model.

    Returns:
        The learning curve.

    Raises:
        Interrupted: a signal asked it to end; its state is saved.
        UserError: the loss became NaN or infinite, or the memory does not suffice.
    """
    training = Training(model, task, course, team)
    if states is not None and (saved := states.latest()) is not None:
        training.restore(saved)
    saving = Saving(states, training.content, course.title, course.steps, course.seconds_between_states, team)
    with interruption() as interrupted:
        team.agree(  # also: whoever sees the progress may count on every process hearing signals
            training.done, "the step from which the training goes on; the folder of its states must be shared by all"
        )
        with _progress(course, training.done, team) as bar, convolutions(course.deterministic):
            for images, targets in on_device(batches(training.done), task, course.device):
                means = training.step(images, targets)
                if means is not None:
                    bar.set_postfix(loss=f"{means['loss']:.3f}", rate=f"{training.rate:.2g}", refresh=False)
                bar.update()
                saving.after(training.done, interrupted)
            saving.end(training.done, interrupted)
    return training.history


def _progress(course: Course, done: int, team: Team) -> "tqdm[NoReturn]":
    """Shown by the first process; by then it took what each job costs."""
    if team.leads:
        provenance.ready(course.title)
    return tqdm(
        total=course.steps,
        initial=done,
        desc=course.title,
        unit="step",
        mininterval=SECONDS_BETWEEN_MESSAGES,
        disable=not team.leads,
    )


class Training:
    """A training between two steps: all that changes from one to the next, and has to be saved to go on.

    Attributes:
        done: steps that are done.
        history: their learning curve.
    """

    def __init__(self, model: nn.Module, task: Task, course: Course, team: Team = ALONE) -> None:
        team.check(course.batch_size, course.micro_batch)
        self.done = 0
        self.history = History(course.steps)
        self._model = model
        self._task = task
        self._course = course
        self._team = team
        self._statistics = RunningStatistics(model, team, course.batch_size // course.micro_batch // team.size)
        self._optimizer = build_optimizer(model, course.optimizer)
        self._parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return learning_rate(
            self._course.schedule, self._course.optimizer.learning_rate, self.done - 1, self._course.steps
        )

    def step(self, images: Tensor, targets: Tensor) -> dict[str, float] | None:
        """Trains on a batch, which is on the device; every now and then gives the mean losses.

        Raises:
            UserError: the loss is NaN or infinite, or the memory does not suffice.
        """
        self.done += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
        self._optimizer.zero_grad(set_to_none=True)
        with within_memory(self._too_large()):
            losses = self._backward(images, targets)
            if self._course.gradient_clip is not None:
                nn.utils.clip_grad_norm_(self._parameters, self._course.gradient_clip, foreach=True)
            self._optimizer.step()
        with _finite(self._course):
            return self.history.add(self.rate, losses)

    def _backward(self, images: Tensor, targets: Tensor) -> Losses:
        """Adds up the gradients of a batch, part by part, and its losses."""
        count = self._team.add_up(self._task.count(targets))
        parts = list(zip(images.split(self._course.micro_batch), targets.split(self._course.micro_batch), strict=True))
        self._statistics.remember()
        with self._team.apart(self._task.network):
            shares = [self._part(*part, count) for part in parts[:-1]]
        shares.append(self._part(*parts[-1], count))
        self._statistics.combine()
        return self._team.summed(shares)

    def _part(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        """Forward and backward pass of a micro-batch."""
        with torch.autocast(self._course.device.type, torch.bfloat16, enabled=self._course.precision == "bfloat16"):
            losses = self._task.losses(images, targets, count)
        (losses["loss"] * self._team.size).backward()  # the team's gradients are averaged, and shall be added up
        return {name: value.detach() for name, value in losses.items()}

    def _too_large(self) -> str:
        course = self._course
        return (
            f"{course.title}: the memory of {course.device} does not suffice for {course.micro_batch} images at once. "
            "Lower `micro_batch` in the preset (a batch then has more parts; batch norm, where it trains, takes its "
            "statistics of fewer images) or the crop, or take a device with more memory."
        )

    def content(self) -> dict[str, Any]:
        """What :meth:`restore` takes.

        Raises:
            UserError: a loss since the last look or a weight is NaN or infinite, so that the state is of no use.
        """
        with _finite(self._course):
            self.history.check()
            if name := not_finite(self._model.state_dict()):
                raise FloatingPointError(f"{name} has values that are no finite numbers after step {self.done}")
        return {
            "done": self.done,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "history": self.history.content(),
            "random": torch.get_rng_state(),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Goes on from what was saved.

        Raises:
            UserError: it does not fit; other code saved it.
        """
        try:
            self._model.load_state_dict(content["model"])
            self._optimizer.load_state_dict(content["optimizer"])
            self.history.restore(content["history"], self._course.device)
            torch.set_rng_state(content["random"])
            self.done = int(content["done"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self._course.title}: the saved state does not fit, so other code saved it ({error}). Delete it "
                "(results/<preset>/state/) to train anew, or use the version that saved it."
            ) from error


@contextmanager
def _finite(course: Course) -> Iterator[None]:
    """Makes a loss that is no finite number a user's error."""
    try:
        yield
    except FloatingPointError as error:
        raise UserError(f"{course.title}: {error}. Lower the learning rate in the preset.") from error
