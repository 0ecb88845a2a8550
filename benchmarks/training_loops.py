"""Training loops: the project's, a bare one over the same model and data, a plain one like torchvision's references."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import cycle, islice
from typing import Any, cast
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck, ResNet

from benchmarks.subjects import Batch, Subject
from exfuse.data.labels import IGNORE_INDEX
from exfuse.models import build_classifier
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.models.segmenter import Segmenter
from exfuse.spec.model import BackboneSpec
from exfuse.spec.settings import Optimizer
from exfuse.training import loop
from exfuse.training.loop import build_optimizer, train
from exfuse.training.losses import Losses

CHANNELS = (64, 128, 256, 512)
"""Widths that torchvision's ResNet cannot change."""


def now() -> float:
    """Of the processor where one thread computes, since what else runs then disturbs ratios less; else of the clock."""
    one_core = torch.get_num_threads() == 1 and not torch.cuda.is_initialized()
    return time.process_time() if one_core else time.perf_counter()


def finish(device: torch.device) -> None:
    """Waits for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare_loop(subject: Subject, model: nn.Module) -> Callable[[int], None]:
    """The fewest lines that train a model: forward, loss, backward, clipping, optimizer, a whole batch at once."""
    course, task = subject.course, subject.task
    optimizer, batches = build_optimizer(model, course.optimizer), subject.batches(0)
    mean = torch.tensor(task.normalization.mean, device=course.device)[:, None, None]
    std = torch.tensor(task.normalization.std, device=course.device)[:, None, None]

    def loss_of(images: Tensor, targets: Tensor) -> Tensor:
        output = model(((images.float() / 255 - mean) / std).contiguous(memory_format=MEMORY_FORMAT))
        if isinstance(model, Segmenter):
            loss = functional.cross_entropy(output.scores, targets, ignore_index=IGNORE_INDEX)
            if output.auxiliary is not None:
                auxiliary = functional.cross_entropy(output.auxiliary, targets, ignore_index=IGNORE_INDEX)
                loss = loss + task.auxiliary_weight * auxiliary
            return loss
        loss = functional.cross_entropy(output.logits, targets)
        for logits in output.auxiliary.values():
            loss = loss + task.auxiliary_weight * functional.cross_entropy(logits, targets)
        return loss

    def run(steps: int) -> None:
        for images, targets in islice(batches, steps):
            images, targets = images.to(course.device), targets.to(course.device).long()
            optimizer.zero_grad()
            with torch.autocast(course.device.type, torch.bfloat16, enabled=course.precision == "bfloat16"):
                loss = loss_of(images, targets)
            loss.backward()
            if course.gradient_clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), course.gradient_clip)
            optimizer.step()

    return run


def reference_network(spec: BackboneSpec, classes: int) -> tuple[nn.Module, str]:
    """torchvision's ResNet of a backbone's blocks and groups, without SE; at other widths, which it lacks, our own."""
    if tuple(spec.channels) != CHANNELS:
        plain = spec.model_copy(update={"semantic_supervision": None})
        return build_classifier(plain, classes), "our backbone"
    network = ResNet(Bottleneck, list(spec.blocks), classes, groups=spec.cardinality, width_per_group=spec.base_width)
    return network, "torchvision's ResNet" + (" without SE" if spec.squeeze_excitation else "")


def reference_loop(subject: Subject, network: nn.Module) -> Callable[[int], None]:
    """As references/classification/train.py of torchvision: float32 images, contiguous, the loss read at each step."""
    course = subject.course
    network = network.to(course.device).train()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(course.batch_size, 3, subject.size, subject.size)
    batches = cycle([(images, torch.randint(10, (course.batch_size,)))])
    criterion = nn.CrossEntropyLoss()

    def run(steps: int) -> None:
        for inputs, labels in islice(batches, steps):
            inputs, labels = inputs.to(course.device), labels.to(course.device)
            with torch.autocast(course.device.type, torch.bfloat16, enabled=course.precision == "bfloat16"):
                output = network(inputs)
                loss = criterion(getattr(output, "logits", output), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return run


class Rounds:
    """The project's own loop, stopped after each round of steps so that others have their turn.

    Attributes:
        seconds: of each counted round, by name; ``ours`` is the project's loop.
        waiting: seconds of each counted round in which our loop waited for its next batch.
    """

    def __init__(self, subject: Subject, steps: int, rounds: int) -> None:
        self._subject, self._steps, self._rounds = subject, steps, rounds
        self.seconds: dict[str, list[float]] = {"ours": []}
        self.waiting: list[float] = []

    def run(self, others: Callable[[], dict[str, Callable[[int], None]]]) -> None:
        """Trains; ``others`` makes the other loops, after our first round, which warms up and is not counted."""
        subject = self._subject
        train(subject.model, lambda first: self._batches(others), subject.task, subject.course)

    def _batches(self, others: Callable[[], dict[str, Callable[[int], None]]]) -> Iterator[Batch]:
        source, device = self._subject.batches(0), self._subject.course.device
        yield from islice(source, self._steps)
        finish(device)
        programs = others()
        for name, program in programs.items():
            self.seconds[name] = []
            program(self._steps)
        for number in range(self._rounds):
            if number % 2:
                self._time(programs)
            waited, start = 0.0, now()
            for _ in range(self._steps):
                asked = now()
                batch = next(source)
                waited += now() - asked
                yield batch
            finish(device)
            self.seconds["ours"].append(now() - start)
            self.waiting.append(waited)
            if not number % 2:
                self._time(programs)

    def _time(self, programs: dict[str, Callable[[int], None]]) -> None:
        for name, program in programs.items():
            finish(self._subject.course.device)
            start = now()
            program(self._steps)
            finish(self._subject.course.device)
            self.seconds[name].append(now() - start)


class _Timed:
    """Adds up the seconds that calls of a function take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            start = now()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += now() - start

        return timed


@contextmanager
def _watching(timed: _Timed) -> Iterator[None]:
    """Within, what trainings compute is timed: backward passes, clipping and the optimizer."""

    def build(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
        optimizer = build_optimizer(model, settings)
        optimizer.step = timed(optimizer.step)  # type: ignore[method-assign]
        return optimizer

    with (
        mock.patch.object(loop, "build_optimizer", build),
        mock.patch.object(Tensor, "backward", timed(Tensor.backward)),
        mock.patch.object(nn.utils, "clip_grad_norm_", timed(nn.utils.clip_grad_norm_)),
    ):
        yield


class _Watched:
    """A task whose forward passes are timed."""

    def __init__(self, task: Any, timed: _Timed) -> None:
        self._task = task
        self.network = task.network
        self.to_device, self.count = task.to_device, task.count
        self._losses = timed(task.losses)

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        return cast(Losses, self._losses(images, targets, count))


def own_shares(subject: Subject, steps: int, rounds: int) -> list[float]:
    """The share of a step on a processor that is neither forward, backward, clipping, optimizer nor loading.

    Of each round of steps of :func:`train`, with all that it does between two batches.
    """
    timed, model, shares = _Timed(), deepcopy(subject.model), []

    def batches(first: int) -> Iterator[Batch]:
        source = subject.batches(first)
        yield from islice(source, 2)  # the first ones allocate
        for _ in range(rounds):
            timed.seconds, total = 0.0, 0.0
            for batch in islice(source, steps):
                start = now()
                yield batch
                total += now() - start
            shares.append(1 - timed.seconds / total)

    with _watching(timed):
        train(model, batches, _Watched(subject.of(model), timed), subject.course)
    return shares


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """A copy of a network in training mode, where and how the project trains it."""
    return place(deepcopy(network), device).train()
