"""One stage of fine-tuning for segmentation (paper §3 *Baseline Settings*, §4; GCN §4)."""

from pathlib import Path

import torch
from torch import Tensor

from exfuse.data.labels import ClassMap
from exfuse.data.loading import SegmentationSet, make_loader
from exfuse.data.sampling import StepSampler
from exfuse.data.transforms import normalize
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.models.segmenter import Segmenter
from exfuse.spec.settings import FineTuning, Hardware, Normalization
from exfuse.training.batch_norm import freeze_batch_norm
from exfuse.training.history import History
from exfuse.training.loop import Course, train
from exfuse.training.losses import Losses, segmentation_losses


def fine_tune(
    title: str, model: Segmenter, settings: FineTuning, normalization: Normalization, hardware: Hardware, table: Path,
    prepared: Path, class_map: ClassMap, seed: int, device: torch.device,
) -> History:  # fmt: skip
    """Trains a segmentation model in place.

    Args:
        title: name for the progress bar.
        model: with the weights of the backbone or of the stage before.
        settings: the stage's.
        normalization: of the images; what the backbone was trained with.
        hardware: its ``precision`` and ``workers`` are used.
        table: the set's table.
        prepared: the prepared data that its paths are relative to.
        class_map: the preset's classes.
        seed: decides order and augmentation of the samples.
        device: where it trains.

    Raises:
        UserError: data are missing or damaged, or the loss became NaN.
    """
    place(model, device)
    model.train()
    if settings.batch_norm == "frozen":
        freeze_batch_norm(model)
    mean, std = normalization.mean, normalization.std
    dataset = SegmentationSet(table, prepared, class_map, crop_size=settings.crop_size, mean=mean, seed=seed)
    sampler = StepSampler(len(dataset), settings.batch_size, seed, 0, settings.steps)
    weight = model.spec.decoder.auxiliary_weight

    def losses(images: Tensor, masks: Tensor) -> Losses:
        inputs = normalize(images.to(device, non_blocking=True), mean, std)
        output = model(inputs.contiguous(memory_format=MEMORY_FORMAT))
        return segmentation_losses(output, masks.to(device, non_blocking=True).long(), weight)

    batches = make_loader(dataset, sampler, workers=hardware.workers, pin_memory=device.type == "cuda")
    return train(model, batches, losses, Course.of(title, settings, hardware, device))
