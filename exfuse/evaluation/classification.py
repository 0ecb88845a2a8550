"""Top-1 error of a pretrained backbone on ImageNet's validation images (Table 2, footnote 3)."""

from collections.abc import Callable

import numpy as np
from torch import nn

from exfuse.data.loading import ImageNetSet, make_loader
from exfuse.data.sampling import consecutive_batches
from exfuse.data.transforms import normalize
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode
from exfuse.evaluation.results import ClassificationResult


def evaluate_classification(
    model: nn.Module,
    dataset: ImageNetSet,
    settings: InferenceSettings,
    *,
    progress: Callable[[int], object] | None = None,
) -> ClassificationResult:
    """The class with the highest logit for each image.

    Args:
        model: gives an object with ``logits`` (N, classes) for float images (N, 3, S, S).
        dataset: validation images with :class:`exfuse.data.transforms.CentreCrop`, which decides the size.
        settings: normalisation, batch size, device and loading processes; its size is not used.
        progress: called with the number of images done after each batch.

    Raises:
        UserError: the archive is damaged.
    """
    groups = consecutive_batches([(0, index) for index in range(len(dataset))], settings.batch_size)
    predictions = []
    with evaluation_mode(model):
        done = 0
        for images, _ in make_loader(dataset, groups, workers=settings.workers):
            logits = model(normalize(images.to(settings.device), settings.mean, settings.std)).logits
            predictions.append(logits.argmax(1).cpu().numpy().astype(np.int16))
            done += len(images)
            if progress is not None:
                progress(done)
    names = tuple(name.decode() for name in dataset.index.name.tolist())
    return ClassificationResult(names, dataset.index.label, np.concatenate(predictions))
