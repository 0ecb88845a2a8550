"""How long a network takes here: real steps of the training loop, and passes of the evaluation, on random images."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from exfuse.data.loading import stack_samples
from exfuse.data.sampling import augmentation_generator
from exfuse.data.transforms import RandomResizedCrop, flip_and_crop, mean_pixel
from exfuse.evaluation.boundary import boundary_mask
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode, images_at_once, predict_labels
from exfuse.inspection.roofline import ANY
from exfuse.models import build, build_classifier
from exfuse.models.placement import place
from exfuse.models.segmenter import Segmenter
from exfuse.planning.demands import Course as PlannedCourse
from exfuse.planning.subjects import Subject
from exfuse.spec.model import BackboneSpec
from exfuse.spec.settings import Optimizer, Schedule
from exfuse.training.finetuning import Segmentation
from exfuse.training.loop import Course, Training
from exfuse.training.pretraining import Classification
from exfuse.training.task import Task

LEAST_CALLS = 3
LEAST_SECONDS = 0.15
"""A step or a pass is timed as often and as long at least, after a first one that is not counted."""
BATCH_AT_EVALUATION = 32
FLIPS = (False, True)


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of a network.

    Attributes:
        part: of a micro-batch, with its share of loading and of the optimizer's step.
        image: of one image at evaluation, once through the network.
    """

    part: float
    image: float


def time_network(planned: PlannedCourse, device: torch.device, loads: bool) -> Timed:
    """Trains a network on random images for a moment, then evaluates it.

    Args:
        planned: the training.
        device: where.
        loads: whether the process that trains prepares its samples itself.
    """
    subject = planned.subject
    network = place(_network(subject), device).train()
    task = _task(network, subject, device)
    training = Training(network, task, _course(planned, device))
    batches = _batches(planned, loads)
    step = _seconds(lambda: training.step(*task.to_device(*next(batches))), device)
    return Timed(step / planned.parts, _evaluated(network, subject, device))


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The median of several calls, which other programs' moments do not move; the first, a start, does not count."""
    work()
    calls: list[float] = []
    while len(calls) < LEAST_CALLS or sum(calls) < LEAST_SECONDS:
        start = _now(device)
        work()
        calls.append(_now(device) - start)
    return median(calls)


def _now(device: torch.device) -> float:
    """On one core the process's own time: what other programs take of it meanwhile would not be there in a run."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def _network(subject: Subject) -> nn.Module:
    if isinstance(subject.network, BackboneSpec):
        return build_classifier(subject.network, subject.classes)
    return build(subject.network)


def _task(network: nn.Module, subject: Subject, device: torch.device) -> Task:
    if isinstance(subject.network, BackboneSpec):
        supervision = subject.network.semantic_supervision
        return Classification(network, supervision.loss_weight if supervision else 0.0, ANY, device)
    return Segmentation(network, subject.network.decoder.auxiliary_weight, ANY, device)


def _course(planned: PlannedCourse, device: torch.device) -> Course:
    """Rates and lengths change no time."""
    name = "adamw" if planned.momenta > 1 else "sgd"
    optimizer = Optimizer(name=name, learning_rate=1e-6, momentum=0.9, weight_decay=1e-4)
    return Course(
        title="timing",
        steps=planned.steps,
        batch_size=planned.parts * planned.subject.images,
        micro_batch=planned.subject.images,
        optimizer=optimizer,
        schedule=Schedule(name="poly"),
        gradient_clip=1.0 if planned.clipped else None,
        device=device,
        precision=planned.subject.precision,
    )


def _batches(planned: PlannedCourse, loads: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of the trained size; augmented anew each time, or the same again and again."""
    sample = _samples(planned.subject)
    size = planned.parts * planned.subject.images
    batch = stack_samples([sample(0, index) for index in range(size)])
    for epoch in count():
        yield stack_samples([sample(epoch, index) for index in range(size)]) if loads else batch


def _samples(subject: Subject) -> Callable[[int, int], tuple[Tensor, Tensor]]:
    """A sample by epoch and index, from one random image that is already decoded."""
    dice = torch.Generator().manual_seed(0)
    image = torch.randint(256, (3, subject.size, subject.size), dtype=torch.uint8, generator=dice)
    if isinstance(subject.network, BackboneSpec):
        crop, label = RandomResizedCrop(subject.size, 0.25), torch.tensor(0)
        return lambda epoch, index: (crop(image, augmentation_generator(0, epoch, index)), label)
    fill = mean_pixel(ANY.mean)
    mask = torch.randint(subject.network.num_classes, image.shape[1:], dtype=torch.uint8, generator=dice)
    return lambda epoch, index: flip_and_crop(image, mask, subject.size, fill, augmentation_generator(0, epoch, index))


def _evaluated(network: nn.Module, subject: Subject, device: torch.device) -> float:
    if not isinstance(network, Segmenter):
        images = torch.zeros(BATCH_AT_EVALUATION, 3, subject.size, subject.size, device=device)
        with evaluation_mode(network):
            return _seconds(lambda: network(images), device) / BATCH_AT_EVALUATION
    settings = InferenceSettings(
        size=subject.size,
        mean=ANY.mean,
        std=ANY.std,
        batch_size=images_at_once(network.spec.width, subject.size),
        device=device,
        workers=0,
    )
    image = torch.zeros(3, subject.size, subject.size, dtype=torch.uint8)
    truth = np.zeros((subject.size, subject.size), dtype=np.uint8)
    truth[: subject.size // 2] = 1

    def score() -> None:
        labels = predict_labels(network, [image] * settings.batch_size, settings, FLIPS)
        for number in range(settings.batch_size):
            boundary_mask(truth, 7 * subject.size / 512)
            for flip in FLIPS:
                for _ in range(2):  # boundary and interior
                    confusion_matrix(labels[flip][number], truth, network.spec.num_classes)

    with evaluation_mode(network):
        return _seconds(score, device) / settings.batch_size / len(FLIPS)
