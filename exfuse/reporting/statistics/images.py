"""What the bootstrap over images reads: the counts that evaluations kept of each image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exfuse.errors import UserError
from exfuse.evaluation.confusion import mean_iou
from exfuse.evaluation.results import (
    ClassificationResult,
    SegmentationResult,
    read_confusions,
    read_predictions,
    summarize_classification,
    total,
)
from exfuse.files import is_file
from exfuse.reporting.evaluations import Evaluation, altered, measure_jobs, shown_path
from exfuse.reporting.statistics.bootstrap import (
    Draws,
    percentile_interval,
    resampled_error_difference,
    resampled_miou,
)
from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Claim, Measure

CLOSE = 1e-6
"""Points between a number and the same number made of the images' counts."""


class _NoImagesError(Exception):
    """There are no counts to resample; its text says why."""


class ImageBootstrap:
    """Intervals of effects of single trainings; what claims share is read and drawn once.

    Args:
        graph: of the results.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._rule = graph.spec.statistics
        self._draws: dict[tuple[Measure, int], tuple[tuple[str, ...], Draws]] = {}

    def interval(self, claim: Claim, evaluations: Mapping[Measure, Evaluation], seed: int) -> Interval | NoInterval:
        """The interval of a claim's effect with one seed, or why there is none.

        Args:
            claim: one that evaluations decide.
            evaluations: each with a number for the seed.
            seed: which.
        """
        metrics = {measure.metric for measure in evaluations}
        numbers = {measure: evaluation.values[seed] for measure, evaluation in evaluations.items()}
        try:
            if metrics == {"miou"}:
                return self._of_miou(claim, numbers, seed)
            if metrics == {"top1_error"}:
                return self._of_errors(claim, numbers, seed)
        except _NoImagesError as problem:
            return NoInterval(str(problem))
        return NoInterval("no counts by image are kept of what it compares")

    def _of_miou(self, claim: Claim, numbers: Mapping[Measure, float], seed: int) -> Interval | NoInterval:
        for measure, number in numbers.items():
            if (measure, seed) not in self._draws:
                result = self._segmentation(measure, number, seed)
                draws = resampled_miou(result, self._rule.resamples.value)
                self._draws[measure, seed] = (result.images, draws)
        images = self._one_set({measure: self._draws[measure, seed][0] for measure in numbers})
        plus, minus = ([self._draws[measure, seed][1] for measure in side] for side in (claim.plus, claim.minus))
        effect = np.sum([one.values for one in plus], axis=0) - np.sum([one.values for one in minus], axis=0)
        lacking = np.any([one.lacking for one in (*plus, *minus)], axis=0)
        return percentile_interval(effect, self._rule.confidence.value, images, int(np.count_nonzero(lacking)))

    def _of_errors(self, claim: Claim, numbers: Mapping[Measure, float], seed: int) -> Interval | NoInterval:
        found = {measure: self._classification(measure, number, seed) for measure, number in numbers.items()}
        images = self._one_set({measure: result.images for measure, result in found.items()})
        plus, minus = ([found[measure] for measure in side] for side in (claim.plus, claim.minus))
        draws = resampled_error_difference(plus, minus, self._rule.resamples.value)
        return percentile_interval(draws, self._rule.confidence.value, images)

    def _segmentation(self, measure: Measure, number: float, seed: int) -> SegmentationResult:
        path, name = self._file(measure, seed, "confusions.npz")
        try:
            result = next((one for one in read_confusions(path) if one.flip == measure.flip), None)
        except UserError as error:
            raise _NoImagesError(f"{name} cannot be read") from error
        if result is None or not _is_whole(result):
            raise _NoImagesError(f"{name} does not hold the counts of every image")
        self._require_same(name, 100.0 * float(mean_iou(total(result.confusion))), number)
        self._require_made(measure, seed, path)
        return result

    def _classification(self, measure: Measure, number: float, seed: int) -> ClassificationResult:
        path, name = self._file(measure, seed, "predictions.npz")
        try:
            result = read_predictions(path)
        except UserError as error:
            raise _NoImagesError(f"{name} cannot be read") from error
        if not result.images or not len(result.images) == len(result.labels) == len(result.predictions):
            raise _NoImagesError(f"{name} does not hold the class of every image")
        self._require_same(name, 100.0 * summarize_classification(result)["top1_error"], number)
        self._require_made(measure, seed, path)
        return result

    def _file(self, measure: Measure, seed: int, name: str) -> tuple[Path, str]:
        path = measure_jobs(self._graph, measure)[seed].manifest.with_name(name)
        shown = shown_path(self._graph, path)
        if not is_file(path):
            raise _NoImagesError(f"{shown} is not there")
        return path, shown

    def _require_same(self, name: str, from_images: float, number: float) -> None:
        if not abs(from_images - number) <= CLOSE:
            raise _NoImagesError(f"{name} gives {from_images:.2f}, the evaluation {number:.2f}")

    def _require_made(self, measure: Measure, seed: int, path: Path) -> None:
        if problem := altered(self._graph, measure_jobs(self._graph, measure)[seed], path):
            raise _NoImagesError(problem)

    def _one_set(self, images: Mapping[Measure, tuple[str, ...]]) -> int:
        """The number of images; all evaluations have to be of the same ones in the same order."""
        if len(set(images.values())) > 1:
            raise _NoImagesError("the evaluations are not of the same images")
        return len(next(iter(images.values())))


def _is_whole(result: SegmentationResult) -> bool:
    """Whether boundary and interior are one square matrix an image."""
    shapes = {result.boundary.shape, result.interior.shape}
    shape = result.boundary.shape
    return len(shapes) == 1 and len(shape) == 3 and shape[0] == len(result.images) > 0 and shape[1] == shape[2]
