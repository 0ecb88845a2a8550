"""The loop that all trainings share: a fixed number of steps over a stream of batches."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from tqdm import tqdm

from exfuse.errors import UserError
from exfuse.spec.settings import FineTuning, Hardware, Optimizer, Precision, Pretraining, Schedule
from exfuse.training.history import History
from exfuse.training.losses import Losses
from exfuse.training.schedule import learning_rate

SECONDS_BETWEEN_MESSAGES = 2.0
ADAMW_BETA2 = 0.999


@dataclass(frozen=True, kw_only=True)
class Course:
    """What drives a training, apart from model and data."""

    title: str
    steps: int
    optimizer: Optimizer
    schedule: Schedule
    gradient_clip: float | None
    device: torch.device
    precision: Precision = "float32"

    @classmethod
    def of(cls, title: str, settings: Pretraining | FineTuning, hardware: Hardware, device: torch.device) -> Self:
        """The course that a preset's settings describe."""
        return cls(
            title=title,
            steps=settings.steps,
            optimizer=settings.optimizer,
            schedule=settings.schedule,
            gradient_clip=settings.gradient_clip,
            device=device,
            precision=hardware.precision,
        )


def build_optimizer(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """SGD or AdamW over the parameters that are trained; the loop sets the rate of each step."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=settings.momentum, weight_decay=decay)
    betas = (settings.momentum, ADAMW_BETA2)
    return torch.optim.AdamW(parameters, rate, betas=betas, weight_decay=decay, foreach=True)


def train(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    losses: Callable[[Tensor, Tensor], Losses],
    course: Course,
) -> History:
    """Trains a model in place; its mode (batch norm may be frozen) is the caller's.

    Args:
        model: what is trained.
        batches: one pair of tensors for each step.
        losses: a step's named losses; ``loss`` is minimised.
        course: length, optimizer, schedule.

    Returns:
        The learning curve.

    Raises:
        UserError: the loss became NaN or infinite.
    """
    optimizer = build_optimizer(model, course.optimizer)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    history = History(course.steps)
    bar = tqdm(total=course.steps, desc=course.title, unit="step", mininterval=SECONDS_BETWEEN_MESSAGES)
    with bar:
        for step, (inputs, targets) in enumerate(batches):
            rate = learning_rate(course.schedule, course.optimizer.learning_rate, step, course.steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with torch.autocast(course.device.type, torch.bfloat16, enabled=course.precision == "bfloat16"):
                terms = losses(inputs, targets)
            optimizer.zero_grad(set_to_none=True)
            terms["loss"].backward()
            if course.gradient_clip is not None:
                nn.utils.clip_grad_norm_(parameters, course.gradient_clip, foreach=True)
            optimizer.step()
            try:
                means = history.add(step, rate, terms)
            except FloatingPointError as error:
                raise UserError(f"{course.title}: {error}. Lower the learning rate in the preset.") from error
            if means is not None:
                bar.set_postfix(loss=f"{means['loss']:.3f}", rate=f"{rate:.2g}", refresh=False)
            bar.update()
    return history
