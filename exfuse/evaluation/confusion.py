"""Confusion matrices and the mean intersection over union that the paper's tables print (VOC's measure).

All is computed from integer counts over a whole set of images; nothing is averaged by image.
"""

import numpy as np
from numpy.typing import NDArray

from exfuse.data.labels import IGNORE_INDEX


def confusion_matrix(
    prediction: NDArray[np.integer], truth: NDArray[np.integer], num_classes: int
) -> NDArray[np.int64]:
    """Counts of pixels by true class (rows) and predicted class (columns); void pixels are not counted.

    Args:
        prediction: class of every pixel, 0 … num_classes − 1, at void pixels too.
        truth: class of every pixel, or 255; the shape of ``prediction``.
        num_classes: classes C with background, at most 255.

    Returns:
        (C, C).

    Raises:
        ValueError: the shapes differ, or a value is no class.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    if prediction.size and not 0 <= prediction.min() <= prediction.max() < num_classes:
        raise ValueError(f"a predicted class is outside 0…{num_classes - 1}")
    counts = np.bincount(truth.ravel().astype(np.intp) * num_classes + prediction.ravel(), minlength=256 * num_classes)
    by_truth = counts[: 256 * num_classes].reshape(256, num_classes)
    if len(counts) > 256 * num_classes or by_truth[num_classes:IGNORE_INDEX].any():
        raise ValueError(f"a true class is neither in 0…{num_classes - 1} nor {IGNORE_INDEX}")
    return by_truth[:num_classes].astype(np.int64)


def iou(confusion: NDArray[np.integer]) -> NDArray[np.float64]:
    """Intersection over union of each class.

    Args:
        confusion: counts (…, C, C), summed over the images.

    Returns:
        (…, C) in 0–1; NaN for a class without ground truth, also where it was predicted.
    """
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1)
    truth = confusion.sum(axis=-1)
    union = truth + confusion.sum(axis=-2) - intersection
    return np.where(truth > 0, intersection / np.maximum(union, 1), np.nan)


def mean_iou(confusion: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean IoU over the classes that have ground truth; a class that was never hit counts as 0.

    Args:
        confusion: counts (…, C, C), summed over the images.

    Returns:
        (…) in 0–1; NaN where no class has ground truth.
    """
    by_class = iou(confusion)
    classes = np.isfinite(by_class).sum(axis=-1)
    return np.where(classes > 0, np.nansum(by_class, axis=-1) / np.maximum(classes, 1), np.nan)


def predicted_only(confusion: NDArray[np.integer]) -> list[int]:
    """Classes of a matrix (C, C) that were predicted and have no ground truth: reported, not averaged."""
    return [int(label) for label in np.flatnonzero((confusion.sum(axis=1) == 0) & (confusion.sum(axis=0) > 0))]
