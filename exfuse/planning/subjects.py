"""What is counted, or timed: a network in training at the size and batch of its jobs."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from exfuse.spec.base import plain
from exfuse.spec.graph import Graph, Job
from exfuse.spec.graph.inspection import pretraining_classes
from exfuse.spec.model import BackboneSpec, ModelSpec
from exfuse.spec.settings import FineTuning, Precision, Pretraining

FORMAT = 1
"""Raised by whoever changes how networks are counted, so that counts that are remembered do not outlive the code."""
MOMENTA = {"sgd": 1, "adamw": 2}
"""Numbers that an optimizer keeps for each gradient."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network as it goes through a training's micro-batches.

    Attributes:
        network: a segmentation network, or a backbone with the classifiers that pretrain it.
        classes: of those classifiers; 0 for a segmentation network.
        size: side of the images, in pixels.
        images: that go through at once.
        precision: of the passes.
    """

    network: ModelSpec | BackboneSpec
    classes: int
    size: int
    images: int
    precision: Precision

    @cached_property
    def key(self) -> str:
        """A hash of all this: equal networks of different presets are one."""
        words = [FORMAT, plain(self.network), self.classes, self.size, self.images, self.precision]
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:16]


def pretrained(graph: Graph, backbone: str) -> Subject:
    """A backbone in pretraining."""
    preset = graph.spec.preset
    return Subject(
        network=graph.spec.backbone(backbone),
        classes=pretraining_classes(graph.spec),
        size=preset.pretraining.crop_size,
        images=micro_batch(preset.pretraining, 1),
        precision=preset.hardware.precision,
    )


def fine_tuned(graph: Graph, job: Job) -> Subject:
    """A run's network in the stage that a job trains. Whether batch norm is frozen there is no part of it."""
    settings = FineTuning.model_validate(job.settings["fine_tuning"])
    return Subject(
        network=graph.spec.model(job.name.split("/")[1]),
        classes=0,
        size=settings.crop_size,
        images=micro_batch(settings, gpus_of(graph, "finetune")),
        precision=graph.spec.preset.hardware.precision,
    )


def gpus_of(graph: Graph, rule: str) -> int:
    """GPUs that a preset's resources give each job of a rule, on all its nodes; 1 where they name none."""
    taken = graph.spec.resources(rule)
    return max(1, taken.gpus * taken.nodes)


def micro_batch(settings: Pretraining | FineTuning, gpus: int) -> int:
    """Images that go through a network at once: where batch norm is synchronised, a process's share of the batch."""
    if takes_shares(settings):
        return settings.batch_size // gpus
    return settings.micro_batch or settings.batch_size


def takes_shares(settings: Pretraining | FineTuning) -> bool:
    """Whether each process gives its whole share of a batch to the network at once."""
    return isinstance(settings, FineTuning) and settings.batch_norm == "synchronised"
