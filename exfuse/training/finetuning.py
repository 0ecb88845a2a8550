"""One stage of fine-tuning for segmentation (paper §3 *Baseline Settings*, §4; GCN §4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from exfuse.data.labels import ClassMap
from exfuse.data.loading import SegmentationSet, make_loader
from exfuse.data.sampling import StepSampler
from exfuse.data.transforms import normalize
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.models.segmenter import Segmenter
from exfuse.spec.settings import FineTuning, Hardware, Normalization
from exfuse.training.batch_norm import freeze_batch_norm, share_at_once, synchronise_batch_norm
from exfuse.training.device import compiled
from exfuse.training.history import History
from exfuse.training.interruption import ignore_signals
from exfuse.training.loop import Course, train
from exfuse.training.losses import Losses, segmentation_losses, valid_pixels
from exfuse.training.state import StateFolder
from exfuse.training.team import ALONE, Team


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The task of fine-tuning: images uint8 (N, 3, S, S), masks uint8 (N, S, S), 255 for void."""

    network: nn.Module
    auxiliary_weight: float
    normalization: Normalization
    device: torch.device

    def to_device(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Images as they are, masks as int64."""
        return images.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True).long()

    def count(self, targets: Tensor) -> Tensor:
        """Valid pixels."""
        return valid_pixels(targets)

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        """As :func:`segmentation_losses`."""
        inputs = normalize(images, self.normalization.mean, self.normalization.std)
        output = self.network(inputs.contiguous(memory_format=MEMORY_FORMAT))
        return segmentation_losses(output, targets, self.auxiliary_weight, count)


def fine_tune(
    title: str, model: Segmenter, settings: FineTuning, normalization: Normalization, hardware: Hardware, table: Path,
    prepared: Path, class_map: ClassMap, seed: int, device: torch.device, states: StateFolder | None = None,
    team: Team = ALONE,
) -> History:  # fmt: skip
    """Trains a segmentation model in place.

    Args:
        title: name for the progress bar.
        model: with the weights of the backbone or of the stage before.
        settings: the stage's.
        normalization: mean and deviation of the weights that the model starts from.
        hardware: loading processes and precision.
        table: the set's table.
        prepared: the prepared data that its paths are relative to.
        class_map: the preset's classes.
        seed: decides order and augmentation of the samples.
        device: where it trains.
        states: where it goes on from, and saves itself to.
        team: the processes that train it.

    Raises:
        Interrupted: a signal asked it to end.
        UserError: data are missing or damaged, the loss became NaN, or the memory does not suffice.
    """
    place(model, device)
    model.train()
    course = Course.of(title, settings, hardware, device)
    if settings.batch_norm == "frozen":
        freeze_batch_norm(model)
    elif settings.batch_norm == "synchronised":
        synchronise_batch_norm(model, team)
        course = replace(course, micro_batch=share_at_once(settings.batch_size, team))
    dataset = SegmentationSet(
        table, prepared, class_map, crop_size=settings.crop_size, mean=normalization.mean, seed=seed
    )

    def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = StepSampler(len(dataset), settings.batch_size, seed, first, settings.steps)
        workers, pin = hardware.workers, device.type == "cuda"
        shares = map(team.share, sampler)
        return make_loader(dataset, shares, workers=workers, pin_memory=pin, start_worker=ignore_signals)

    network = team.joined(compiled(model, hardware))
    task = Segmentation(network, model.spec.decoder.auxiliary_weight, normalization, device)
    return train(model, batches, task, course, states, team)
