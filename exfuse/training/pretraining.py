"""ImageNet pretraining of a backbone, with semantic supervision where it has it (paper §3.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from exfuse.data.loading import ImageNetSet, make_loader
from exfuse.data.sampling import StepSampler
from exfuse.data.transforms import RandomResizedCrop, normalize
from exfuse.models import build_classifier
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.models.semantic_supervision import Classifier
from exfuse.spec.model import BackboneSpec
from exfuse.spec.preset import Preset
from exfuse.spec.settings import Normalization
from exfuse.training.device import compiled
from exfuse.training.history import History
from exfuse.training.interruption import ignore_signals
from exfuse.training.loop import Course, train
from exfuse.training.losses import Losses, classification_losses
from exfuse.training.state import StateFolder
from exfuse.training.team import ALONE, Team

SEED = 0
"""A backbone is trained once; the seeds of a preset repeat the fine-tuning."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The task of pretraining: images uint8 (N, 3, S, S), classes int64 (N,)."""

    network: nn.Module
    auxiliary_weight: float
    normalization: Normalization
    device: torch.device

    def to_device(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both as they are."""
        return images.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)

    def count(self, targets: Tensor) -> Tensor:
        """Images."""
        return torch.full((), len(targets), device=targets.device)

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        """As :func:`classification_losses`."""
        inputs = normalize(images, self.normalization.mean, self.normalization.std)
        output = self.network(inputs.contiguous(memory_format=MEMORY_FORMAT))
        return classification_losses(output, targets, self.auxiliary_weight, count)


def pretrain(
    title: str, architecture: BackboneSpec, preset: Preset, prepared: Path, archives: Path, num_classes: int,
    device: torch.device, states: StateFolder | None = None, team: Team = ALONE,
) -> tuple[Classifier, History]:  # fmt: skip
    """Trains a classifier from scratch.

    Args:
        title: name for the progress bar.
        architecture: the backbone at the preset's size.
        preset: its ``pretraining``, ``normalization`` and ``hardware`` are used.
        prepared: the folder with ImageNet's indices.
        archives: the folder with ImageNet's archives.
        num_classes: classes of the index.
        device: where it trains.
        states: where it goes on from, and saves itself to.
        team: the processes that train it.

    Raises:
        Interrupted: a signal asked it to end.
        UserError: data are missing or damaged, the loss became NaN, or the memory does not suffice.
    """
    settings = preset.pretraining
    model = place(build_classifier(architecture, num_classes), device)
    model.train()
    dataset = ImageNetSet(
        prepared / "train.npz", archives, RandomResizedCrop(settings.crop_size, settings.crop_area), seed=SEED
    )
    supervision = architecture.semantic_supervision

    def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = StepSampler(len(dataset), settings.batch_size, SEED, first, settings.steps)
        workers, pin = preset.hardware.workers, device.type == "cuda"
        shares = map(team.share, sampler)
        return make_loader(dataset, shares, workers=workers, pin_memory=pin, start_worker=ignore_signals)

    weight = supervision.loss_weight if supervision else 0.0
    task = Classification(team.joined(compiled(model, preset.hardware)), weight, preset.normalization, device)
    return model, train(model, batches, task, Course.of(title, settings, preset.hardware, device), states, team)
