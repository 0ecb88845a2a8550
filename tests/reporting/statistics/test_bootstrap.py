"""The bootstrap over images against a loop over the very draws, and against draws that are counted out."""

from itertools import product

import numpy as np
import pytest

from exfuse.evaluation.confusion import mean_iou
from exfuse.evaluation.results import ClassificationResult, SegmentationResult
from exfuse.reporting.statistics import bootstrap
from exfuse.reporting.statistics.bootstrap import percentile_interval, resampled_error_difference, resampled_miou
from exfuse.reporting.statistics.interval import Interval, NoInterval


def segmentation(images: int, classes: int, seed: int) -> SegmentationResult:
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, 40, size=(2, images, classes, classes)).astype(np.int32)
    return SegmentationResult(tuple(f"{number}" for number in range(images)), counts[0], counts[1], False)


def classification(wrong: list[int]) -> ClassificationResult:
    predictions = np.array(wrong, np.int16)
    return ClassificationResult(tuple(map(str, range(len(wrong)))), np.zeros(len(wrong), np.int16), predictions)


def test_every_draw_is_the_miou_of_the_images_drawn() -> None:
    result = segmentation(7, 4, 0)
    draws = resampled_miou(result, 1500)
    (weights,) = bootstrap._weights(7, 1500)
    assert weights.shape == (1500, 7)
    assert (weights.sum(axis=1) == 7).all()
    expected = [
        100 * mean_iou(np.repeat(result.confusion, times.astype(int), axis=0).sum(axis=0, dtype=np.int64))
        for times in weights
    ]
    np.testing.assert_allclose(draws.values, expected, rtol=1e-12)
    assert not draws.lacking.any()


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    result = segmentation(6, 3, 1)
    before = resampled_miou(result, 1000)
    monkeypatch.setattr(bootstrap, "CELLS_AT_ONCE", 600)
    np.testing.assert_array_equal(resampled_miou(result, 1000).values, before.values)


def test_interval_is_that_of_all_draws_that_there_are() -> None:
    """Three images have 27 draws, all as likely; the bootstrap's quantiles are theirs but for chance."""
    one, other = segmentation(3, 3, 2), segmentation(3, 3, 3)
    every = [
        100 * float(mean_iou(one.confusion[list(draw)].sum(0)) - mean_iou(other.confusion[list(draw)].sum(0)))
        for draw in product(range(3), repeat=3)
    ]
    drawn = resampled_miou(one, 20000).values - resampled_miou(other, 20000).values
    found = {round(value, 9) for value in drawn}
    assert found == {round(value, 9) for value in every}
    assert np.mean(drawn) == pytest.approx(np.mean(every), abs=4 * np.std(every) / 20000**0.5)
    every.sort()
    for confidence, below in (
        (0.95, 0),
        (0.8, 2),
        (0.65, 4),
        (0.5, 6),
    ):  # draws below the end: (1 − confidence) / 2 of 27
        interval = percentile_interval(drawn, confidence, 3)
        assert isinstance(interval, Interval)
        assert (interval.low, interval.high) == pytest.approx((every[below], every[-1 - below]))
    assert len(set(np.round(every, 6))) == 10


def test_absent_classes_are_left_out_and_counted() -> None:
    """Class 2 has truth in one image of three, class 3 in none; a draw without that image averages two classes."""
    counts = np.zeros((3, 4, 4), np.int32)
    counts[:, 0, 0], counts[:, 1, 1], counts[:, 1, 0] = 50, 30, 10
    counts[0, 2, 0] = 20  # never hit: IoU 0
    counts[1, 0, 3] = 5  # predicted, but nowhere true
    draws = resampled_miou(SegmentationResult(("a", "b", "c"), counts, np.zeros_like(counts), False), 5000)
    (weights,) = bootstrap._weights(3, 5000)
    assert (draws.lacking == (weights[:, 0] == 0)).all()
    assert 0.25 < draws.lacking.mean() < 0.35  # (2/3)³ = 0.296
    for times in ((3, 0, 0), (0, 3, 0), (1, 1, 1)):
        (place,) = np.flatnonzero((weights == times).all(axis=1))[:1]
        whole = np.repeat(counts, times, axis=0).sum(axis=0, dtype=np.int64)
        assert draws.values[place] == pytest.approx(100 * float(mean_iou(whole)))


def test_void_images_alone_give_no_number() -> None:
    counts = np.zeros((2, 2, 2), np.int32)
    counts[0] = [[9, 1], [2, 8]]
    draws = resampled_miou(SegmentationResult(("a", "b"), counts, np.zeros_like(counts), False), 2000)
    assert 0.2 < np.isnan(draws.values).mean() < 0.3  # both times the image that is all void
    assert (draws.lacking == np.isnan(draws.values)).all()
    interval = percentile_interval(draws.values + np.arange(2000), 0.95, 2, 500)
    assert isinstance(interval, Interval) and np.isfinite([interval.low, interval.high]).all()


def test_errors_are_drawn_as_images_are() -> None:
    """Of ten images three are wrong on one side only and one on the other: the difference is 20 points."""
    plus, minus = classification([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]), classification([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    drawn = resampled_error_difference([plus], [minus], 40000)
    (weights,) = bootstrap._weights(10, 40000)
    by_image = 10.0 * (weights @ (plus.predictions - minus.predictions))
    assert drawn.mean() == pytest.approx(20.0, abs=0.4)
    assert drawn.std() == pytest.approx(by_image.std(), rel=0.02)
    assert np.percentile(drawn, [2.5, 97.5]) == pytest.approx(np.percentile(by_image, [2.5, 97.5]), abs=10.0)


def test_four_errors() -> None:
    sides = [classification(wrong) for wrong in ([1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1])]
    drawn = resampled_error_difference(sides[:2], sides[2:], 4000)  # by image +2, −1, −1, −2
    assert drawn.mean() == pytest.approx(-50.0, abs=5)
    assert {round(value) for value in drawn} <= {25 * value for value in range(-8, 9)}


def test_percentiles_of_draws_by_hand() -> None:
    interval = percentile_interval(np.arange(1001.0), 0.9, 30, 4)
    assert isinstance(interval, Interval)
    assert (interval.low, interval.high) == pytest.approx((50.0, 950.0))
    assert (interval.method, interval.lacking) == ("bootstrap over 30 images, given these weights", 4)


@pytest.mark.parametrize(("draws", "images"), [([1.0] * 1000, 1), ([1.0] * 1000, 50), ([np.nan] * 1000, 5)])
def test_draws_that_show_nothing_give_no_interval(draws: list[float], images: int) -> None:
    assert isinstance(percentile_interval(np.array(draws), 0.95, images), NoInterval)
