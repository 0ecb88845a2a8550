"""ImageNet pretraining of a backbone, with semantic supervision where it has it (paper §3.1)."""

from pathlib import Path

import torch
from torch import Tensor

from exfuse.data.loading import ImageNetSet, make_loader
from exfuse.data.sampling import StepSampler
from exfuse.data.transforms import RandomResizedCrop, normalize
from exfuse.models import build_classifier
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.models.semantic_supervision import Classifier
from exfuse.spec.model import BackboneSpec
from exfuse.spec.settings import Preset
from exfuse.training.history import History
from exfuse.training.loop import Course, train
from exfuse.training.losses import Losses, classification_losses

SEED = 0
"""A backbone is trained once; the seeds of a preset repeat the fine-tuning."""


def pretrain(
    title: str, architecture: BackboneSpec, preset: Preset, prepared: Path, archives: Path, num_classes: int,
    device: torch.device,
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

    Raises:
        UserError: data are missing or damaged, or the loss became NaN.
    """
    settings = preset.pretraining
    model = place(build_classifier(architecture, num_classes), device)
    model.train()
    dataset = ImageNetSet(
        prepared / "train.npz", archives, RandomResizedCrop(settings.crop_size, settings.crop_area), seed=SEED
    )
    sampler = StepSampler(len(dataset), settings.batch_size, SEED, 0, settings.steps)
    supervision = architecture.semantic_supervision
    weight = supervision.loss_weight if supervision else 0.0

    def losses(images: Tensor, labels: Tensor) -> Losses:
        inputs = normalize(images.to(device, non_blocking=True), preset.normalization.mean, preset.normalization.std)
        output = model(inputs.contiguous(memory_format=MEMORY_FORMAT))
        return classification_losses(output, labels.to(device, non_blocking=True), weight)

    batches = make_loader(dataset, sampler, workers=preset.hardware.workers, pin_memory=device.type == "cuda")
    return model, train(model, batches, losses, Course.of(title, settings, preset.hardware, device))
