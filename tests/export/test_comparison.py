"""The check's arithmetic by hand, and the images that it runs on."""

from collections.abc import Iterator

import pytest
import torch

from exfuse.errors import UserError
from exfuse.export.check import Differences, check_batches, compare

IMAGES = torch.zeros(1, 3, 1, 4, dtype=torch.uint8)
EXPECTED = torch.tensor([[[[4.0, 1.0, 0.0, -8.0]], [[3.0, 1.5, 1.0, 0.0]]]])


def once() -> Iterator[torch.Tensor]:
    return iter([IMAGES])


def test_equal_scores() -> None:
    found = compare(lambda images: EXPECTED.clone(), lambda images: EXPECTED, once())
    assert found == Differences(0.0, 0, 4)
    assert found.tolerable


def test_difference_is_relative_to_the_largest_score_of_either_sign() -> None:
    scores = EXPECTED.clone()
    scores[0, 0, 0, 1] -= 0.5
    assert compare(lambda images: scores, lambda images: EXPECTED, once()) == Differences(0.5 / 8, 0, 4)


def test_pixels_of_another_class_are_counted() -> None:
    scores = EXPECTED.clone()
    scores[0, 0, 0, 1] = 2.0
    found = compare(lambda images: scores, lambda images: EXPECTED, once())
    assert found == Differences(1 / 8, 1, 4)
    assert str(found) == "scores differ by at most 1.2e-01 of the largest, the class in 1 of 4 pixels"


def test_the_worst_batch_counts() -> None:
    answers = iter([EXPECTED + 0.8, EXPECTED + 0.4])
    found = compare(lambda images: next(answers), lambda images: EXPECTED, iter([IMAGES, IMAGES]))
    assert found.relative == pytest.approx(0.1)
    assert found.pixels == 8


@pytest.mark.parametrize(
    "scores", [EXPECTED * float("nan"), EXPECTED * float("inf"), EXPECTED[:, :1], EXPECTED[..., :3]]
)
def test_other_shapes_and_no_numbers_are_never_tolerable(scores: torch.Tensor) -> None:
    assert not compare(lambda images: scores, lambda images: EXPECTED, once()).tolerable


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_network_without_numbers_is_blamed_itself(broken: float) -> None:
    with pytest.raises(UserError, match="the network itself"):
        compare(lambda images: EXPECTED, lambda images: EXPECTED * broken, once())


@pytest.mark.parametrize(
    ("differences", "tolerable"),
    [
        (Differences(1e-4, 0, 1000), True),
        (Differences(1.1e-4, 0, 1000), False),
        (Differences(0, 1, 1000), True),
        (Differences(0, 2, 1000), False),
    ],
)
def test_both_tolerances_hold(differences: Differences, tolerable: bool) -> None:
    assert differences.tolerable == tolerable


def test_images_of_the_check_are_the_same_every_time_and_differ_among_each_other() -> None:
    first, again = list(check_batches(None, 128, 160)), list(check_batches(None, 128, 160))
    assert [tuple(batch.shape) for batch in first] == [(1, 3, 128, 160), (2, 3, 97, 65)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[1][0], first[1][1])
    assert all(batch.dtype == torch.uint8 and batch.min() < 20 and batch.max() > 235 for batch in first)


def test_images_of_a_fixed_size() -> None:
    assert [tuple(batch.shape) for batch in check_batches((30, 50), 64, 64)] == [(1, 3, 30, 50), (2, 3, 30, 50)]
