"""A problem of two numbers, settings for it, and batches that are the same each time."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exfuse.spec.settings import Optimizer, Schedule
from exfuse.training.loop import Course
from exfuse.training.losses import Losses

Batches = list[tuple[Tensor, Tensor]]


class Points:
    """The task of classifying points."""

    def __init__(self, model: nn.Module) -> None:
        self.network = model

    def to_device(self, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return points, labels

    def count(self, labels: Tensor) -> Tensor:
        return torch.tensor(len(labels))

    def losses(self, points: Tensor, labels: Tensor, count: Tensor) -> Losses:
        loss = functional.cross_entropy(self.network(points), labels, reduction="sum") / count
        return {"loss": loss, "main": loss}


def make_course(**changes: Any) -> Course:
    """Ten steps of SGD at a rate that falls with a power."""
    settings: dict[str, Any] = {
        "title": "a training",
        "steps": 10,
        "batch_size": 16,
        "micro_batch": 16,
        "optimizer": Optimizer(name="sgd", learning_rate=0.1, momentum=0.9, weight_decay=1e-3),
        "schedule": Schedule(name="poly"),
        "gradient_clip": None,
        "device": torch.device("cpu"),
    }
    return Course(**{**settings, **changes})


@pytest.fixture
def course() -> Callable[..., Course]:
    """Builds what drives a training, from the settings that matter to a test."""
    return make_course


@pytest.fixture
def model() -> nn.Module:
    """A small network with batch norm, always of the same weights."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).train()


@pytest.fixture
def batches() -> Batches:
    """Ten batches of points; the class is the sign of their product."""
    dice = torch.Generator().manual_seed(5)
    points = [torch.randn(16, 2, generator=dice) for _ in range(10)]
    return [(batch, (batch.prod(dim=1) > 0).long()) for batch in points]
