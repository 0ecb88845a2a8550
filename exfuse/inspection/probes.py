"""Figure 1, measured: how much semantics and how much detail features carry, level by level.

All levels answer the same questions, about the 4×4 blocks of an image.

*Semantics* is the mean class accuracy of a linear probe that names the class of each block: the share of a class's
blocks that are named right, averaged over the classes of which the scored set shows enough (``LEAST_CELLS``). Coarser
features are brought to the grid by bilinear interpolation, as the network does with its maps; what they know of an
object and not of its place therefore counts in part only. Naming at random one of the n classes that the probe was
shown reaches 1/n, times the share of the averaged classes that are among them.

*Detail* is the boundary recall of a linear probe that says where class boundaries run. From a cell of stride s it reads
all its (s/4)² blocks, so that what channels encode about places within a cell counts (§3.2). In each image it marks as
many blocks as boundaries touch, those with the highest scores; the recall, over all images, is therefore the precision
too, and marking at random reaches the share of such blocks, so that noise is not taken for detail.

More channels tell a probe more, and ExFuse's decoder has nine times those of GCN's. Each probe is therefore fitted a
second time, to no more principal directions than there are classes: the channels of GCN's decoder.

Probes are fitted on images of the training set and scored on the validation set. The network has seen the former: its
features part them better than new images, so that probes rely on what holds less on the latter. Intervals are those of
resampled validation images, and say nothing about other trainings.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from exfuse.data.loading import WholeImageSet, make_loader
from exfuse.data.sampling import consecutive_batches
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.evaluation.inference import InferenceSettings, evaluation_mode
from exfuse.inspection.features import FINEST, Place, Window, read_features, tapped
from exfuse.inspection.linear_probe import BoundaryMoments, ClassMoments, Readout
from exfuse.inspection.targets import Question
from exfuse.models.segmenter import Segmenter
from exfuse.spec.graph.inspection import LEAST_CELLS

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
        channels: that it draws on, or principal directions of them.
        which: discriminants of the classes.
        where: predictions of the blocks of a cell.
        confusions: int64 (N, C, C), blocks of each image, rows truth.
        hits: (N,), blocks of each image that are marked rightly; a fraction where scores are equal.
    """

    stride: int
    channels: int
    which: Readout
    where: Readout
    confusions: NDArray[np.int64]
    hits: NDArray[np.float64]

    def answer(self, window: Window, place: Place, question: Question) -> "Blocks":
        """Counts the blocks of a window that are named right, and gives their scores for boundaries."""
        found = window.maps[place]
        named = self._named(found, question)
        self.confusions[window.image] += confusion_matrix(named, question.classes.ravel(), self.confusions.shape[1])
        features = question.of_cells(self.stride).of(found)
        return Blocks(*question.judged_blocks(self.where(features).cpu().numpy(), self.stride))

    def _named(self, found: Tensor, question: Question) -> NDArray[np.int64]:
        """The class of each block. Interpolation is linear, so it may follow the weights: fewer channels to resize."""
        weighted = torch.einsum("dhw,dc->chw", found.double(), self.which.weights)
        named: NDArray[np.int64] = (question.at_blocks(weighted, self.stride) + self.which.bias).argmax(1).cpu().numpy()
        return named


class Pair(NamedTuple):
    """Probes of the same features: on all channels, and on no more principal directions than classes."""

    full: Probe
    narrow: Probe


class Findings(NamedTuple):
    """What was found in a network.

    Attributes:
        classes: for each class the blocks that probes were ``fitted`` on, those that were ``scored``, and the scored
            ``images`` that show any.
        lines: for each kind and level ``kind``, ``level``, ``stride``, ``channels``, ``semantics`` and ``detail``, both
            with ``value``, ``low``, ``high`` and ``chance`` in 0–1 (none of them where the set shows no class often
            enough, or no boundary), and ``narrow``: the last three of the narrowed probe.
    """

    classes: list[dict[str, int]]
    lines: list[dict[str, Any]]


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
) -> Findings:
    """Fits and scores probes for the features of every kind and level.

    Args:
        model: its mode is left as it was.
        fitting: the set that probes are fitted on.
        images: how many of its images, at most; they are spread evenly over the set.
        scoring: the set that they are scored on.
        num_classes: classes with background.
        settings: how images are given to the network.
        shown: shows progress.

    Raises:
        UserError: an image or a mask is absent or damaged.
    """
    taken = min(images, len(fitting))
    chosen = [number * len(fitting) // taken for number in range(taken)]
    with evaluation_mode(model), tapped(model) as maps:
        samples = shown(_read(fitting, chosen, settings), taken, "fitting probes")
        probes, fitted = _fit(read_features(model, maps, samples, settings), num_classes, len(scoring))
        samples = shown(_read(scoring, range(len(scoring)), settings), len(scoring), "scoring probes")
        budgets = _score(probes, read_features(model, maps, samples, settings), num_classes, len(scoring))
    blocks = next(iter(probes.values())).full.confusions.sum(axis=2)
    rows = zip(fitted, blocks.sum(axis=0), (blocks > 0).sum(axis=0), strict=True)
    classes = [dict(zip(("fitted", "scored", "images"), map(int, row), strict=True)) for row in rows]
    return Findings(
        classes, [{"kind": kind, "level": level, **_line(pair, budgets)} for (kind, level), pair in probes.items()]
    )


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


def mean_accuracy(confusion: NDArray[np.integer], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the counted classes with ground truth of the share that is named right; NaN without any.

    Args:
        confusion: (…, C, C), rows truth.
        counted: (C,).

    Returns:
        (…).
    """
    truth = confusion.sum(axis=-1) * counted
    right = np.diagonal(confusion, axis1=-2, axis2=-1) * counted / np.maximum(truth, 1)
    classes = (truth > 0).sum(axis=-1)
    return np.where(classes > 0, right.sum(axis=-1) / np.maximum(classes, 1), np.nan)


def _read(
    images: WholeImageSet, indices: Sequence[int], settings: InferenceSettings
) -> Iterator[tuple[Tensor, Tensor]]:
    for samples in make_loader(
        images, consecutive_batches(indices, settings.batch_size), workers=settings.workers, collate=list
    ):
        yield from samples


def _fit(windows: Iterable[Window], num_classes: int, scored: int) -> tuple[dict[Place, Pair], list[int]]:
    """Probes for every place, with room for the scores of so many images, and the blocks of each class."""
    strides: dict[Place, int] = {}
    which: dict[Place, ClassMoments] = {}
    where: dict[Place, BoundaryMoments] = {}
    for window in windows:
        question = Question(window.mask.numpy(), num_classes)
        columns = max(found.shape[2] for found in window.maps.values())
        for place, found in window.maps.items():
            if place not in strides:
                stride = strides[place] = FINEST * columns // found.shape[2]
                which[place] = ClassMoments(len(found), num_classes, found.device)
                where[place] = BoundaryMoments(len(found), (stride // FINEST) ** 2, found.device)
            cells = question.of_cells(strides[place])
            which[place].add(window.image, question.at_blocks(found, strides[place]), question.classes.ravel())
            where[place].add(window.image, cells.of(found), cells.targets)
    pairs = {place: _pair(strides[place], which[place], where[place], scored) for place in strides}
    return pairs, next(iter(which.values())).counts


def _pair(stride: int, which: ClassMoments, where: BoundaryMoments, scored: int) -> Pair:
    classes = len(which.counts)

    def probe(width: int) -> Probe:
        confusions = np.zeros((scored, classes, classes), dtype=np.int64)
        return Probe(stride, width, which.readout(width), where.readout(width), confusions, np.zeros(scored))

    return Pair(probe(which.channels), probe(min(which.channels, classes)))


def _score(pairs: dict[Place, Pair], windows: Iterable[Window], num_classes: int, scored: int) -> NDArray[np.float64]:
    """Scores the probes on so many images, those of several windows as one.

    Returns:
        (2, N) by image: blocks that a boundary touches, and how many of them as many blocks at random would hit.
    """
    budgets = np.zeros((2, scored))
    probes = [(place, probe) for place, pair in pairs.items() for probe in pair]
    for image, pieces in groupby(windows, key=lambda window: window.image):
        answers: list[list[Blocks]] = [[] for _ in probes]
        boundary = judged = 0
        for window in pieces:
            question = Question(window.mask.numpy(), num_classes)
            boundary, judged = boundary + int(question.boundary.sum()), judged + int(question.judged.sum())
            for found, (place, probe) in zip(answers, probes, strict=True):
                found.append(probe.answer(window, place, question))
        budgets[:, image] = boundary, boundary**2 / max(judged, 1)
        for found, (_, probe) in zip(answers, probes, strict=True):
            probe.hits[image] = hits_at_budget(*map(np.concatenate, zip(*found, strict=True)))
    return budgets


def _chance_of_naming(probe: Probe, counted: NDArray[np.bool_]) -> float:
    """Mean class accuracy of naming, at random, one of the classes that a probe was fitted with."""
    nameable = probe.which.bias.isfinite().cpu().numpy()
    return float((nameable & counted).sum() / max(1, counted.sum()) / max(1, nameable.sum()))


def _line(pair: Pair, budgets: NDArray[np.float64]) -> dict[str, Any]:
    return {"stride": pair.full.stride, **_scores(pair.full, budgets), "narrow": _scores(pair.narrow, budgets)}


def _scores(probe: Probe, budgets: NDArray[np.float64]) -> dict[str, Any]:
    """What a probe measured; ``budgets`` are those of :func:`_score`."""
    boundary, at_random = budgets
    images = len(boundary)
    draws = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), RESAMPLES)
    total = probe.confusions.sum(0)
    counted = total.sum(axis=1) >= LEAST_CELLS
    accuracies = mean_accuracy(np.tensordot(draws, probe.confusions, 1), counted)
    with np.errstate(invalid="ignore"):
        recall, recalls = probe.hits.sum() / boundary.sum(), (draws @ probe.hits) / (draws @ boundary)
        random_recall = at_random.sum() / boundary.sum()
    return {
        "channels": probe.channels,
        "semantics": _measured(mean_accuracy(total, counted), accuracies, _chance_of_naming(probe, counted)),
        "detail": _measured(recall, recalls, random_recall),
    }


def _measured(value: float | NDArray[np.float64], resampled: NDArray[np.float64], chance: float) -> dict[str, Any]:
    if not np.isfinite(value):
        return dict.fromkeys(("value", "low", "high", "chance"))
    low, high = np.nanpercentile(resampled, INTERVAL)
    return {"value": float(value), "low": float(low), "high": float(high), "chance": float(chance)}
