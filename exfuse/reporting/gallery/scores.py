"""The scores of each image, from the confusion matrices that an evaluation kept; no picture is looked at.

An image's score is the mean IoU over the classes that its ground truth holds, background included: as in the tables'
mIoU, and because a class painted where there is nothing lowers, in this image, no other class's IoU than background's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError
from exfuse.evaluation.confusion import iou, mean_iou
from exfuse.evaluation.results import SegmentationResult, read_confusions, total
from exfuse.reporting.contradictions import TOLERANCE
from exfuse.reporting.evaluations import (
    CONTRADICTORY,
    altered,
    evaluate,
    is_fraction,
    measure_jobs,
    read_fresh,
    shown_path,
)
from exfuse.reporting.gallery.content import ClassScore
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Measure


@dataclass(frozen=True, eq=False)
class ImageScores:
    """One evaluation, image by image.

    Attributes:
        confusions: (C, C) of each image by id, rows truth; empty where they cannot be read.
        problem: what is in their way.
        fresh: whether there is an evaluation made under the expected key.
    """

    confusions: Mapping[str, NDArray[np.int32]]
    problem: str = ""
    fresh: bool = True

    @cached_property
    def with_objects(self) -> Mapping[str, float]:
        """Score of each image whose ground truth holds an object class, 0–1."""
        return {name: float(mean_iou(one)) for name, one in self.confusions.items() if one[1:].sum() > 0}


def read_scores(graph: Graph, run: str) -> ImageScores:
    """A run's evaluation with seed 0, not flipped; where it cannot be read, why."""
    measure = Measure(run=run)
    jobs = measure_jobs(graph, measure)
    scored = read_fresh(graph, jobs[0].manifest.with_name("val.json"), jobs[0]) if jobs else None
    if scored is None:
        return ImageScores({}, f"{run}: {evaluate(graph, measure).status}", fresh=False)
    source = jobs[0].manifest.with_name("confusions.npz")
    name = shown_path(graph, source)
    try:
        result = next((one for one in read_confusions(source) if not one.flip), None)
    except UserError:
        return ImageScores({}, f"{run}: {name} is missing or cannot be read")
    size = len(graph.spec.classes)
    if result is None or not _are_counts(result, size):
        return ImageScores({}, f"{run}: {name} does not hold counts of {size} classes for each image")
    if not _is_mean(scored.get("miou"), result):
        return ImageScores(
            {}, f"{run}: {CONTRADICTORY}: {name} holds other counts than those that val.json was made of"
        )
    if problem := altered(graph, jobs[0], source):
        return ImageScores({}, f"{run}: {problem}")
    return ImageScores(dict(zip(map(str, result.images), result.confusion, strict=True)))


def _are_counts(result: SegmentationResult, size: int) -> bool:
    """Whether arrays can be confusion matrices of so many classes."""
    arrays = (result.boundary, result.interior)
    return all(
        one.shape == (len(result.images), size, size) and one.dtype.kind in "iu" and (one >= 0).all() for one in arrays
    )


def _is_mean(miou: object, result: SegmentationResult) -> bool:
    """Whether the counts of all images together give the mIoU that the evaluation states."""
    counted = float(mean_iou(total(result.confusion)))
    if math.isnan(counted):
        return miou is None
    return is_fraction(miou) and math.isclose(counted, miou, rel_tol=0, abs_tol=TOLERANCE)


def class_scores(
    labels: tuple[int, ...], gcn: NDArray[np.int32] | None, exfuse: NDArray[np.int32] | None
) -> tuple[ClassScore, ...]:
    """The classes that an image's ground truth or a prediction holds.

    Args:
        labels: C labels in the masks, in the order of the matrices.
        gcn: (C, C); none without that evaluation.
        exfuse: likewise.
    """
    truth = next((_shares(one, axis=1) for one in (exfuse, gcn) if one is not None), np.zeros(len(labels)))
    found = []
    for place, label in enumerate(labels):
        score = ClassScore(
            label=label,
            truth=float(truth[place]),
            gcn_share=None if gcn is None else float(_shares(gcn, axis=0)[place]),
            exfuse_share=None if exfuse is None else float(_shares(exfuse, axis=0)[place]),
            gcn=_iou(gcn, place),
            exfuse=_iou(exfuse, place),
        )
        if score.truth or score.gcn_share or score.exfuse_share:
            found.append(score)
    return tuple(found)


def _shares(confusion: NDArray[np.int32], axis: int) -> NDArray[np.float64]:
    """(C,): what part of the counted pixels each class has."""
    return np.asarray(confusion.sum(axis=axis) / max(1, int(confusion.sum())), dtype=np.float64)


def _iou(confusion: NDArray[np.int32] | None, place: int) -> float | None:
    value = float("nan") if confusion is None else float(iou(confusion)[place])
    return None if np.isnan(value) else value
