"""Top-1 error of a pretrained backbone on ImageNet's validation images (Table 2, footnote 3)."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from exfuse.data.loading import ImageNetSet, make_loader
from exfuse.data.sampling import Position, consecutive_batches
from exfuse.data.transforms import normalize
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode
from exfuse.evaluation.results import ClassificationResult
from exfuse.evaluation.sharing import ALONE, Crew, shared_out


def evaluate_classification(
    model: nn.Module,
    dataset: ImageNetSet,
    settings: InferenceSettings,
    *,
    progress: Callable[[int], object] | None = None,
    crew: Crew = ALONE,
) -> ClassificationResult:
    """The class with the highest logit for each image.

    Args:
        model: gives an object with ``logits`` (N, classes) for float images (N, 3, S, S).
        dataset: validation images with :class:`exfuse.data.transforms.CentreCrop`, which decides the size.
        settings: normalisation, batch size, device and loading processes; its size is not used.
        progress: called with the number of images done after each batch.
        crew: the processes that share the batches out; each has the whole result.

    Raises:
        UserError: the archive is damaged.
    """

    def work(groups: Sequence[Sequence[Position]]) -> Iterator[NDArray[np.int16]]:
        for images, _ in make_loader(dataset, groups, workers=settings.workers):
            with evaluation_mode(model):
                logits = model(normalize(images.to(settings.device), settings.mean, settings.std)).logits
                labels = logits.argmax(1).cpu().numpy().astype(np.int16)
            yield labels

    predictions: list[NDArray[np.int16]] = []
    groups = consecutive_batches([(0, index) for index in range(len(dataset))], settings.batch_size)
    for group, labels in shared_out(groups, work, crew):
        predictions.append(labels)
        if progress is not None:
            progress(group[-1][1] + 1)
    names = tuple(name.decode() for name in dataset.index.name.tolist())
    return ClassificationResult(names, dataset.index.label, np.concatenate(predictions))
