"""A segmentation model on a set of images at their own sizes: VOC val, anybody's, the server's test images."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from exfuse.data.labels import IGNORE_INDEX, ClassMap
from exfuse.data.loading import WholeImageSet, make_loader
from exfuse.data.pairs import PairSet
from exfuse.data.sampling import consecutive_batches
from exfuse.evaluation.boundary import boundary_mask
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode, predict_labels
from exfuse.evaluation.results import SegmentationResult
from exfuse.evaluation.sharing import ALONE, Crew, shared_out

FLIPS = (False, True)

_Scored = tuple[dict[bool, list[NDArray[np.int64]]], list[NDArray[np.uint8]]]
"""Of a group of images: (2, C, C) of each without and with flip, and predicted labels where they are kept."""


def evaluate_segmentation(
    model: nn.Module,
    images: WholeImageSet | PairSet,
    num_classes: int,
    settings: InferenceSettings,
    *,
    boundary_width: float,
    flips: Sequence[bool] = FLIPS,
    keep: Callable[[str, NDArray[np.uint8]], object] | None = None,
    progress: Callable[[int], object] | None = None,
    crew: Crew = ALONE,
) -> list[SegmentationResult]:
    """Confusion matrices of each image, apart for boundary and interior.

    Several processes share the batches out; each has all results, the same to the last bit as one process has.

    Args:
        model: gives an object with ``scores`` (N, C, H, W) for float images (N, 3, H, W).
        images: with masks of 0 … ``num_classes`` − 1 and 255.
        boundary_width: pixels; see :mod:`exfuse.evaluation.boundary`.
        flips: what to evaluate: without, with the mirrored images, or both (which share the plain pass).
        keep: called with id and predicted labels (H, W) of each image, those of the first of ``flips``; by several
            processes in each, or in none.
        progress: called with the number of images done after each batch.
        crew: the processes that evaluate together.

    Returns:
        One result for each of ``flips``, in their order.

    Raises:
        UserError: an image or a mask is absent or damaged.
    """

    def work(groups: Sequence[Sequence[int]]) -> Iterator[_Scored]:
        for samples in _load(images, groups, settings):
            with evaluation_mode(model):
                labels = predict_labels(model, [image for image, _ in samples], settings, flips)
            regions: dict[bool, list[NDArray[np.int64]]] = {flip: [] for flip in flips}
            for place, (_, mask) in enumerate(samples):
                predictions = {flip: labels[flip][place] for flip in flips}
                for flip, counts in _by_region(predictions, mask.numpy(), boundary_width, num_classes).items():
                    regions[flip].append(counts)
            yield regions, labels[flips[0]] if keep is not None else []

    regions: dict[bool, list[NDArray[np.int64]]] = {flip: [] for flip in flips}
    for group, (counts, labels) in shared_out(_groups(images, settings), work, crew):
        for flip in flips:
            regions[flip] += counts[flip]
        if keep is not None:
            for index, of_image in zip(group, labels, strict=True):
                keep(images.records[index].id, of_image)
        if progress is not None:
            progress(group[-1] + 1)
    return [_result(images, regions[flip], flip) for flip in flips]


def predict_segmentation(
    model: nn.Module,
    table: Path,
    root: Path,
    class_map: ClassMap,
    settings: InferenceSettings,
    *,
    flip: bool,
    crew: Crew = ALONE,
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Id and predicted labels (H, W) in VOC's ids of each image of a set, for the test server.

    Images need no masks.

    Args:
        model: as in :func:`evaluate_segmentation`.
        table: the set's table.
        root: the prepared data that its paths are relative to.
        class_map: the preset's classes, in the order of the model's.
        settings: how images are given to the model.
        flip: whether mirrored images take part.
        crew: the processes that share the images out; each has to take all predictions.

    Raises:
        UserError: the table or an image is absent or damaged.
    """
    images = WholeImageSet(table, root, class_map)

    def work(groups: Sequence[Sequence[int]]) -> Iterator[list[NDArray[np.uint8]]]:
        for samples in _load(images, groups, settings):
            with evaluation_mode(model):  # not around `yield`: it would hold for whoever asks for the next
                labels = predict_labels(model, [image for image, _ in samples], settings, (flip,))[flip]
            yield labels

    for group, labels in shared_out(_groups(images, settings), work, crew):
        for index, of_image in zip(group, labels, strict=True):
            yield images.records[index].id, class_map.to_masks[of_image]


def _groups(images: WholeImageSet | PairSet, settings: InferenceSettings) -> list[Sequence[int]]:
    """The images by number, in the groups that are loaded and go through the network together."""
    return consecutive_batches(range(len(images)), settings.batch_size)


def _load(
    images: WholeImageSet | PairSet, groups: Sequence[Sequence[int]], settings: InferenceSettings
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    return make_loader(images, groups, workers=settings.workers, collate=list)


def _by_region(
    predictions: dict[bool, NDArray[np.uint8]], truth: NDArray[np.uint8], boundary_width: float, num_classes: int
) -> dict[bool, NDArray[np.int64]]:
    """(2, C, C) of each prediction: boundary, interior."""
    boundary = boundary_mask(truth, boundary_width)
    regions = (np.where(boundary, truth, IGNORE_INDEX), np.where(boundary, IGNORE_INDEX, truth))
    return {
        flip: np.stack([confusion_matrix(prediction, region, num_classes) for region in regions])
        for flip, prediction in predictions.items()
    }


def _result(images: WholeImageSet | PairSet, regions: list[NDArray[np.int64]], flip: bool) -> SegmentationResult:
    counts = np.stack(regions).astype(np.int32)
    return SegmentationResult(tuple(record.id for record in images.records), counts[:, 0], counts[:, 1], flip)
