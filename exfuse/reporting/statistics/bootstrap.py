"""Bootstrap over images: what a metric would have been on other draws of the same images, given these weights.

Draws come from a fixed seed and depend on the number of images alone. So the draws of two models that were scored on
the same images are the same, and their difference draw by draw is the paired bootstrap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exfuse.evaluation.results import ClassificationResult, SegmentationResult
from exfuse.reporting.statistics.interval import Interval, NoInterval

SEED = 2018
CELLS_AT_ONCE = 500_000
"""Draws times images that are held at a time: 4 MB, which a processor's cache holds too."""


@dataclass(frozen=True, eq=False)
class Draws:
    """A metric on every draw.

    Attributes:
        values: float64 (B,), percent; NaN where no class of a draw has ground truth.
        lacking: bool (B,), whether a class that the whole set has is absent.
    """

    values: NDArray[np.float64]
    lacking: NDArray[np.bool_]


def resampled_miou(result: SegmentationResult, resamples: int) -> Draws:
    """mIoU in percent of draws of N images out of N, with replacement.

    The classes are those with ground truth in the whole set; a draw that lacks one averages the others.

    Args:
        result: confusions of N ≥ 1 images.
        resamples: number of draws B.
    """
    confusion = result.confusion.astype(np.float64)
    classes = confusion.shape[-1]
    parts = (confusion.sum(axis=2), confusion.sum(axis=1), np.diagonal(confusion, axis1=1, axis2=2))
    by_image = np.concatenate(parts, axis=1)  # (N, 3C): pixels of a class, pixels predicted as it, both
    kept = by_image[:, :classes].sum(axis=0) > 0
    values, lacking = [], []
    for weights in _weights(len(confusion), resamples):
        truth, predicted, hit = (part[:, kept] for part in np.split(weights @ by_image, 3, axis=1))
        iou = hit / np.maximum(truth + predicted - hit, 1.0)
        present = (truth > 0).sum(axis=1)
        values.append(np.where(present > 0, iou.sum(axis=1) / np.maximum(present, 1), np.nan))
        lacking.append(present < kept.sum())
    return Draws(100.0 * np.concatenate(values), np.concatenate(lacking))


def resampled_error_difference(
    plus: Sequence[ClassificationResult], minus: Sequence[ClassificationResult], resamples: int
) -> NDArray[np.float64]:
    """The sum of some top-1 errors minus that of others on the same draws of the same N ≥ 1 images, in points, (B,).

    An image counts +1 where only a ``plus`` errs, −1 where only a ``minus`` does; how many of each a draw holds is
    multinomial.
    """
    wrong = [[(one.predictions != one.labels).astype(np.int64) for one in side] for side in (plus, minus)]
    differences, counts = np.unique(sum(wrong[0]) - sum(wrong[1]), return_counts=True)
    images = int(counts.sum())
    drawn = np.random.default_rng(SEED).multinomial(images, counts / images, size=resamples)
    return np.asarray(100.0 * (drawn @ differences) / images, dtype=np.float64)


def percentile_interval(
    draws: NDArray[np.float64], confidence: float, images: int, lacking: int = 0
) -> Interval | NoInterval:
    """The middle share of the draws of an effect.

    Args:
        draws: (B,), points; NaN where there was nothing to score.
        confidence: share of the draws inside.
        images: N, for the words.
        lacking: draws that lack a class.

    Returns:
        The interval; none where all draws agree, since an interval of no width is no evidence.
    """
    finite = draws[np.isfinite(draws)]
    if images < 2:
        return NoInterval(f"a bootstrap over images needs two or more, and there is {images}")
    if not len(finite):
        return NoInterval("no draw of images has anything to score")
    tail = 50.0 * (1.0 - confidence)
    low, high = (float(end) for end in np.percentile(finite, (tail, 100.0 - tail)))
    if round(high - low, 9) == 0.0:
        return NoInterval("every draw of images gives the same effect")
    return Interval(low, high, f"bootstrap over {images:,} images, given these weights", lacking)


def _weights(images: int, resamples: int) -> Iterator[NDArray[np.float64]]:
    """How often each draw holds each image, (b, N) at a time."""
    generator = np.random.default_rng(SEED)
    at_once = max(1, CELLS_AT_ONCE // images)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        chosen = generator.integers(images, size=(count, images))
        places = chosen + images * np.arange(count)[:, None]
        counted = np.bincount(places.ravel(), minlength=count * images)
        yield counted.reshape(count, images).astype(np.float64)
