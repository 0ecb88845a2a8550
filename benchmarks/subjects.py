"""What the training benchmark trains: a run or a backbone of a preset, on prepared data or made-up batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor, nn

from exfuse.data.labels import ClassMap
from exfuse.data.loading import ImageNetSet, SegmentationSet, make_loader
from exfuse.data.sampling import StepSampler
from exfuse.data.transforms import RandomResizedCrop
from exfuse.inspection.roofline import classification_step, segmentation_step
from exfuse.models import build, build_classifier
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph
from exfuse.spec.graph.inspection import pretraining_classes
from exfuse.spec.load import load
from exfuse.spec.model import BackboneSpec
from exfuse.spec.settings import FineTuning, Hardware, Pretraining, Schedule, StageName
from exfuse.training.device import prepare
from exfuse.training.finetuning import Segmentation
from exfuse.training.loop import Course
from exfuse.training.pretraining import Classification

ROOT = Path(__file__).resolve().parent.parent
STAGE: StageName = "trainaug"
STEPS = 10**6
"""Of the course, so that the curve has no row to end; the learning rate stays."""
MOST_CACHED = 2000
"""Samples that are loaded beforehand, where they are kept at all."""

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One model and all that its training needs.

    Attributes:
        model: on the device, in training mode.
        task: of that model.
        of: the same task of another model.
        course: without an end.
        batches: endless, from a step on.
        size: side of the images in pixels.
        backbone: the encoder.
        classes: of ImageNet, for a classifier of it.
        work: of one batch.
        loaded: whether batches come from prepared data; else one made-up batch is given again and again.
    """

    model: nn.Module
    task: Segmentation | Classification
    of: Callable[[nn.Module], Segmentation | Classification]
    course: Course
    batches: Callable[[int], Iterator[Batch]]
    size: int
    backbone: BackboneSpec
    classes: int
    work: Work
    loaded: bool


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line chose; none: as the preset has it."""

    preset: str
    device: str
    threads: int | None
    precision: str | None
    batch: int | None
    synthetic: bool
    compile: bool


def subject(name: str, options: Options) -> Subject:
    """The run or backbone of that name."""
    graph = Graph(load(ROOT, options.preset))
    hardware = hardware_of(options)
    prepare(hardware, seed=0)
    if name in graph.spec.runs:
        return _segmenter(graph, name, hardware, options)
    return _classifier(graph, name, hardware, options)


def hardware_of(options: Options) -> Hardware:
    """The preset's, with what the command line chose in its place."""
    given = load(ROOT, options.preset).preset.hardware
    changes = {
        "device": options.device,
        "threads": options.threads,
        "precision": options.precision,
        "compile": options.compile,
    }
    return given.model_copy(update={key: value for key, value in changes.items() if value is not None})


def _course(name: str, settings: FineTuning | Pretraining, hardware: Hardware, options: Options) -> Course:
    batch = options.batch or settings.batch_size
    micro = settings.micro_batch if options.batch is None else None
    longer = settings.model_copy(update={"steps": STEPS, "batch_size": batch, "micro_batch": micro})
    course = Course.of(name, longer, hardware, torch.device(options.device))
    return replace(course, schedule=Schedule(name="step"), seconds_between_states=float("inf"))


def _segmenter(graph: Graph, name: str, hardware: Hardware, options: Options) -> Subject:
    spec = graph.spec
    settings, normalization = spec.fine_tuning(name, STAGE), spec.preset.normalization
    course, architecture, size = _course(name, settings, hardware, options), spec.model(name), settings.crop_size
    model = place(build(architecture), course.device).train()
    classes = ClassMap(spec.classes[1:], spec.all_classes)

    def of(network: nn.Module) -> Segmentation:
        return Segmentation(network, architecture.decoder.auxiliary_weight, normalization, course.device)

    table = graph.layout.set(STAGE)
    loaded = table.is_file() and not options.synthetic
    if loaded:
        data = SegmentationSet(table, graph.layout.data, classes, crop_size=size, mean=normalization.mean, seed=0)
    return Subject(
        model=model,
        task=of(torch.compile(model, dynamic=False) if hardware.compile else model),  # type: ignore[arg-type]
        of=of,
        course=course,
        batches=_loading(data, course, hardware) if loaded else _made_up(course, size, (size, size), len(spec.classes)),
        size=size,
        backbone=architecture.backbone,
        classes=pretraining_classes(spec),
        work=segmentation_step(architecture, size, course.micro_batch, course.precision),
        loaded=loaded,
    )


def _classifier(graph: Graph, name: str, hardware: Hardware, options: Options) -> Subject:
    spec, settings = graph.spec, graph.spec.preset.pretraining
    course, architecture, size = _course(name, settings, hardware, options), spec.backbone(name), settings.crop_size
    classes = pretraining_classes(spec)
    model = place(build_classifier(architecture, classes), course.device).train()
    supervision = architecture.semantic_supervision

    def of(network: nn.Module) -> Classification:
        weight = supervision.loss_weight if supervision else 0.0
        return Classification(network, weight, spec.preset.normalization, course.device)

    index = graph.layout.publisher("imagenet") / "train.npz"
    loaded = index.is_file() and not options.synthetic
    if loaded:
        data = ImageNetSet(index, spec.archive_folder, RandomResizedCrop(size, settings.crop_area))
    return Subject(
        model=model,
        task=of(torch.compile(model, dynamic=False) if hardware.compile else model),  # type: ignore[arg-type]
        of=of,
        course=course,
        batches=_loading(data, course, hardware) if loaded else _made_up(course, size, (), classes),
        size=size,
        backbone=architecture,
        classes=classes,
        work=classification_step(architecture, classes, size, course.micro_batch, course.precision),
        loaded=loaded,
    )


def _loading(
    data: SegmentationSet | ImageNetSet, course: Course, hardware: Hardware
) -> Callable[[int], Iterator[Batch]]:
    pin = course.device.type == "cuda"
    if not hardware.workers:
        for index in range(min(len(data), MOST_CACHED)):
            data[0, index]  # into the cache of samples, which all loops share
    return lambda first: make_loader(
        data, StepSampler(len(data), course.batch_size, 0, first, STEPS), workers=hardware.workers, pin_memory=pin
    )


def _made_up(course: Course, size: int, target: tuple[int, ...], classes: int) -> Callable[[int], Iterator[Batch]]:
    shape = (course.batch_size, 3, size, size)
    images = torch.randint(256, shape, dtype=torch.uint8).contiguous(memory_format=MEMORY_FORMAT)
    targets = torch.randint(classes, (course.batch_size, *target))
    batch = (images, targets.byte() if target else targets)
    if course.device.type == "cuda":
        batch = (batch[0].pin_memory(), batch[1].pin_memory())
    return lambda first: repeat(batch)
