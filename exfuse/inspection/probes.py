"""Figure 1, measured: how much semantics and how much detail features carry, level by level.

*Semantics* is the mean class accuracy of a linear probe that names the class of each cell, at the features' own
resolution: the share of a class's cells that are named right, averaged over the classes that the scored set shows.
Naming at random one of the n classes that the probe was shown reaches 1/n, times the share of the scored classes that
are among them.

*Detail* is the boundary recall of a linear probe that says where class boundaries run, on the grid of 4×4 blocks. From
a cell of stride s it reads all its (s/4)² blocks, so that what channels encode about places within a cell counts
(§3.2). In each image it marks as many blocks as boundaries touch, those with the highest scores; the recall, over all
images, is therefore the precision too, and marking at random reaches the share of such blocks, so that noise is not
taken for detail.

Probes are fitted on images of the training set and scored on the validation set. Intervals are those of resampled
validation images, and say nothing about other trainings.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from exfuse.data.loading import WholeImageSet, make_loader
from exfuse.data.sampling import consecutive_batches
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode
from exfuse.inspection.features import FINEST, Place, Window, read_features, tapped
from exfuse.inspection.linear_probe import Moments, Readout
from exfuse.inspection.targets import Question
from exfuse.models.segmenter import Segmenter

RESAMPLES = 1000
INTERVAL = (2.5, 97.5)
"""Percentiles of the resampled values."""

Samples = Iterable[tuple[Tensor, Tensor]]
Shown = Callable[[Samples, int, str], Samples]
"""Passes samples on and shows how many of so many are done: :func:`exfuse.data.progress.progress`."""


@dataclass(slots=True, eq=False)
class Probe:
    """A fitted probe, and what it scored by image.

    Attributes:
        stride: pixels to a cell.
        channels: of the features.
        which: discriminants of the classes.
        where: predictions of the blocks of a cell.
        confusions: int64 (N, C, C), cells of each image, rows truth.
        hits: (N,), blocks of each image that are marked rightly; a fraction where scores are equal.
    """

    stride: int
    channels: int
    which: Readout
    where: Readout
    confusions: NDArray[np.int64]
    hits: NDArray[np.float64]

    def answer(self, window: Window, place: Place, question: Question) -> "Blocks":
        """Counts the cells of a window that are named right, and gives the scores of its blocks."""
        cells = question.of_cells(self.stride)
        features = cells.of(window.maps[place])
        named = self.which(features).argmax(1).cpu().numpy()
        num_classes = self.confusions.shape[1]
        self.confusions[window.image] += confusion_matrix(named, cells.classes, num_classes)
        return Blocks(*question.judged_blocks(self.where(features).cpu().numpy(), self.stride))


class Blocks(NamedTuple):
    """Blocks that count.

    Attributes:
        scores: (N,).
        truth: bool (N,), whether a boundary touches each.
    """

    scores: NDArray[np.floating]
    truth: NDArray[np.bool_]


def probe_features(
    model: Segmenter,
    fitting: WholeImageSet,
    images: int,
    scoring: WholeImageSet,
    num_classes: int,
    settings: InferenceSettings,
    shown: Shown,
) -> list[dict[str, Any]]:
    """Fits and scores a probe for the features of every kind and level.

    Args:
        model: its mode is left as it was.
        fitting: the set that probes are fitted on.
        images: how many of its images, at most; they are spread evenly over the set.
        scoring: the set that they are scored on.
        num_classes: classes with background.
        settings: how images are given to the network.
        shown: shows progress.

    Returns:
        A line for each kind and level: ``kind``, ``level``, ``stride``, ``channels``, ``cells`` (scored), and
        ``semantics`` and ``detail`` with ``value``, ``low``, ``high`` and ``chance`` in 0–1 (none of them where the
        set shows no class, or no boundary).

    Raises:
        UserError: an image or a mask is absent or damaged.
    """
    taken = min(images, len(fitting))
    chosen = [number * len(fitting) // taken for number in range(taken)]
    with evaluation_mode(model), tapped(model) as maps:
        samples = shown(_read(fitting, chosen, settings), taken, "fitting probes")
        probes = _fit(read_features(model, maps, samples, settings), num_classes, len(scoring))
        samples = shown(_read(scoring, range(len(scoring)), settings), len(scoring), "scoring probes")
        budgets = _score(probes, read_features(model, maps, samples, settings), num_classes, len(scoring))
    return [{"kind": kind, "level": level, **_line(probe, budgets)} for (kind, level), probe in probes.items()]


def hits_at_budget(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """How many true blocks are among as many blocks of highest score as there are true ones.

    Args:
        scores: of N blocks.
        truth: (N,).

    Returns:
        The number; of equal scores at the limit the expectation for a choice at random.
    """
    budget = int(truth.sum())
    if budget == 0:
        return 0.0
    limit = np.partition(scores, -budget)[-budget]
    above, at = scores > limit, scores == limit
    return float(truth[above].sum() + truth[at].sum() * (budget - above.sum()) / at.sum())


def mean_accuracy(confusion: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean over the classes with ground truth of the share that is named right: (…, C, C) to (…); NaN without any."""
    truth = confusion.sum(axis=-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1) / np.maximum(truth, 1)
    classes = (truth > 0).sum(axis=-1)
    return np.where(classes > 0, right.sum(axis=-1) / np.maximum(classes, 1), np.nan)


def _read(
    images: WholeImageSet, indices: Sequence[int], settings: InferenceSettings
) -> Iterator[tuple[Tensor, Tensor]]:
    for samples in make_loader(
        images, consecutive_batches(indices, settings.batch_size), workers=settings.workers, collate=list
    ):
        yield from samples


def _fit(windows: Iterable[Window], num_classes: int, scored: int) -> dict[Place, Probe]:
    """Probes for every place, with room for the scores of so many images."""
    strides: dict[Place, int] = {}
    moments: dict[Place, Moments] = {}
    for window in windows:
        question = Question(window.mask.numpy(), num_classes)
        columns = max(found.shape[2] for found in window.maps.values())
        for place, found in window.maps.items():
            if place not in moments:
                strides[place] = FINEST * columns // found.shape[2]
                blocks = (strides[place] // FINEST) ** 2
                moments[place] = Moments(len(found), num_classes, blocks, found.device)
            cells = question.of_cells(strides[place])
            moments[place].add(window.image, cells.of(found), cells.classes, cells.targets)
    return {place: _fitted(strides[place], sums, num_classes, scored) for place, sums in moments.items()}


def _fitted(stride: int, sums: Moments, num_classes: int, scored: int) -> Probe:
    which = sums.which_class()
    confusions = np.zeros((scored, num_classes, num_classes), dtype=np.int64)
    return Probe(stride, len(which.weights), which, sums.where_boundaries_run(), confusions, np.zeros(scored))


def _score(probes: dict[Place, Probe], windows: Iterable[Window], num_classes: int, scored: int) -> NDArray[np.float64]:
    """Scores the probes on so many images, those of several windows as one.

    Returns:
        (2, N) by image: blocks that a boundary touches, and how many of them as many blocks at random would hit.
    """
    budgets = np.zeros((2, scored))
    for image, pieces in groupby(windows, key=lambda window: window.image):
        answers: dict[Place, list[Blocks]] = {place: [] for place in probes}
        boundary = judged = 0
        for window in pieces:
            question = Question(window.mask.numpy(), num_classes)
            boundary, judged = boundary + int(question.boundary.sum()), judged + int(question.judged.sum())
            for place, probe in probes.items():
                answers[place].append(probe.answer(window, place, question))
        budgets[:, image] = boundary, boundary**2 / max(judged, 1)
        for place, blocks in answers.items():
            probes[place].hits[image] = hits_at_budget(*map(np.concatenate, zip(*blocks, strict=True)))
    return budgets


def _chance_of_naming(probe: Probe, confusion: NDArray[np.integer]) -> float:
    """Mean class accuracy of naming, at random, one of the classes that a probe was fitted with."""
    nameable, present = probe.which.bias.isfinite().cpu().numpy(), confusion.sum(axis=1) > 0
    return float((nameable & present).sum() / max(1, present.sum()) / max(1, nameable.sum()))


def _line(probe: Probe, budgets: NDArray[np.float64]) -> dict[str, Any]:
    """What a probe measured; ``budgets`` are those of :func:`_score`."""
    boundary, at_random = budgets
    images = len(boundary)
    draws = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), RESAMPLES)
    total = probe.confusions.sum(0)
    accuracies = mean_accuracy(np.tensordot(draws, probe.confusions, 1))
    with np.errstate(invalid="ignore"):
        recall, recalls = probe.hits.sum() / boundary.sum(), (draws @ probe.hits) / (draws @ boundary)
        random_recall = at_random.sum() / boundary.sum()
    return {
        "stride": probe.stride,
        "channels": probe.channels,
        "cells": int(total.sum()),
        "semantics": _measured(mean_accuracy(total), accuracies, _chance_of_naming(probe, total)),
        "detail": _measured(recall, recalls, random_recall),
    }


def _measured(value: float | NDArray[np.float64], resampled: NDArray[np.float64], chance: float) -> dict[str, Any]:
    if not np.isfinite(value):
        return dict.fromkeys(("value", "low", "high", "chance"))
    low, high = np.nanpercentile(resampled, INTERVAL)
    return {"value": float(value), "low": float(low), "high": float(high), "chance": float(chance)}
