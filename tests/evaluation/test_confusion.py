"""Confusion matrices and mIoU: cases worked by hand, and loops over pixels."""

import numpy as np
import pytest

from exfuse.evaluation.confusion import confusion_matrix, iou, mean_iou, predicted_only

# background, two objects, void (255)
TRUTH = np.array([[0, 0, 1, 1], [0, 2, 2, 255]], dtype=np.uint8)
PREDICTION = np.array([[0, 1, 1, 1], [0, 0, 2, 1]], dtype=np.uint8)


def test_a_case_by_hand() -> None:
    confusion = confusion_matrix(PREDICTION, TRUTH, 3)
    assert confusion.dtype == np.int64
    assert confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]
    # background: 2 of {3 true + 3 predicted - 2}; first object: 2 of {2 + 3 - 2}; second: 1 of {2 + 1 - 1}
    np.testing.assert_allclose(iou(confusion), [2 / 4, 2 / 3, 1 / 2])
    assert mean_iou(confusion) == pytest.approx((2 / 4 + 2 / 3 + 1 / 2) / 3)


def test_void_is_not_counted_whatever_is_predicted_there() -> None:
    everything = np.full((4, 4), 255, dtype=np.uint8)
    prediction = np.arange(16, dtype=np.uint8).reshape(4, 4) % 3
    assert confusion_matrix(prediction, everything, 3).sum() == 0
    assert np.isnan(mean_iou(confusion_matrix(prediction, everything, 3)))


def test_an_absent_class_is_left_out_of_the_mean() -> None:
    truth = np.array([0, 0, 1, 1])
    confusion = confusion_matrix(np.array([0, 0, 1, 0]), truth, 3)
    assert np.isnan(iou(confusion)[2])
    assert mean_iou(confusion) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert predicted_only(confusion) == []


def test_a_class_that_is_never_hit_counts_as_zero() -> None:
    confusion = confusion_matrix(np.array([0, 0, 0, 0]), np.array([0, 0, 1, 1]), 2)
    assert iou(confusion).tolist() == [0.5, 0]
    assert mean_iou(confusion) == 0.25


def test_a_class_that_is_only_predicted_is_reported_and_hurts_the_others_alone() -> None:
    confusion = confusion_matrix(np.array([0, 2, 1, 1]), np.array([0, 0, 1, 1]), 3)
    assert predicted_only(confusion) == [2]
    assert mean_iou(confusion) == pytest.approx((1 / 2 + 1) / 2)


def test_the_mean_is_of_the_set_and_not_of_the_images() -> None:
    first = confusion_matrix(np.array([1, 1, 1, 1]), np.array([1, 1, 1, 1]), 2)
    second = confusion_matrix(np.array([0, 0]), np.array([1, 0]), 2)
    assert mean_iou(first + second) == pytest.approx((1 / 2 + 4 / 5) / 2)
    stacked = np.stack([first, second])
    assert mean_iou(stacked) == pytest.approx([1, (1 / 2 + 0) / 2])


def test_against_loops_over_pixels() -> None:
    rng = np.random.default_rng(0)
    for classes in (2, 5, 21):
        truth = rng.choice([*range(classes - 1), 255], (9, 11)).astype(np.uint8)
        prediction = rng.integers(0, classes, (9, 11)).astype(np.uint8)
        confusion = confusion_matrix(prediction, truth, classes)
        values = []
        for label in range(classes):
            valid = [(int(t), int(p)) for t, p in zip(truth.flat, prediction.flat, strict=True) if t != 255]
            both = sum(t == label and p == label for t, p in valid)
            either = sum(t == label or p == label for t, p in valid)
            if any(t == label for t, _ in valid):
                values.append(both / either)
                assert iou(confusion)[label] == pytest.approx(both / either)
            else:
                assert np.isnan(iou(confusion)[label])
        assert mean_iou(confusion) == pytest.approx(sum(values) / len(values))


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        ([0, 3], [0, 1], "predicted class is outside"),
        ([0, -1], [0, 1], "predicted class is outside"),
        ([0, 1], [0, 3], "true class"),
        ([0, 1], [0, 254], "true class"),
        ([0, 1], [0, 300], "true class"),
        ([0, 1], [0, 1, 1], "differ in shape"),
    ],
)
def test_what_is_no_class_is_refused(prediction: list[int], truth: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(prediction), np.array(truth), 3)
