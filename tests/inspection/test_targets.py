"""What probes are asked, on masks drawn by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from exfuse.inspection.targets import Question, block_classes, boundary_blocks

VOID = 255


def test_a_block_has_its_most_frequent_label() -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[:4, :4] = [[1, 1, 1, 1], [1, 1, 1, 1], [2, 2, 2, 2], [0, 0, 0, 0]]  # 1 in front
    truth[:4, 4:] = [[2, 2, 2, 2], [2, 2, 2, 2], [1, 1, 1, 1], [1, 1, 1, 1]]  # a draw: the lower class
    truth[4:, :4] = [[2, 2, 2, 2], [2, 2, VOID, VOID], [VOID] * 4, [VOID] * 4]  # void in front
    truth[4:, 4:] = [[2, 2, 2, 2], [2, 2, 2, 2], [VOID] * 4, [VOID] * 4]  # a draw with void: the class
    assert block_classes(truth, 3).tolist() == [[1, 1], [VOID, 2]]


def test_what_lies_beyond_the_image_is_void() -> None:
    truth = np.ones((5, 6), np.uint8)
    assert block_classes(truth, 2).tolist() == [[1, 1], [VOID, VOID]]  # 16, 8 of 16, 4 of 16, 2 of 16


def test_a_boundary_touches_the_blocks_on_both_sides() -> None:
    truth = np.zeros((8, 16), np.uint8)
    truth[:, 8:] = 1
    boundary, judged = boundary_blocks(truth)
    assert boundary.astype(int).tolist() == [[0, 1, 1, 0]] * 2
    assert judged.all()
    truth[:, 8:9] = 0  # now the change lies inside a block
    assert boundary_blocks(truth)[0].astype(int).tolist() == [[0, 0, 1, 0]] * 2


def test_a_boundary_runs_along_the_middle_of_a_void_band() -> None:
    truth = np.zeros((4, 32), np.uint8)
    truth[:, 10:20] = VOID  # nearest labels: 0 up to column 14, 1 from 15
    truth[:, 20:] = 1
    boundary, judged = boundary_blocks(truth)
    assert np.flatnonzero(boundary).tolist() == [3]
    assert np.flatnonzero(~judged).tolist() == [4]  # wholly void and without the boundary


def test_void_within_one_class_is_no_boundary() -> None:
    truth = np.ones((12, 12), np.uint8)
    truth[4:8, 3:9] = VOID
    boundary, judged = boundary_blocks(truth)
    assert not boundary.any()
    assert np.argwhere(~judged).tolist() == [[1, 1]]


def test_an_image_that_is_all_void_asks_nothing() -> None:
    boundary, judged = boundary_blocks(np.full((5, 9), VOID, np.uint8))
    assert boundary.shape == judged.shape == (2, 3)
    assert not boundary.any()
    assert not judged.any()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (61, 40), (33, 70), (3, 2)])
@pytest.mark.parametrize("stride", [4, 8, 16, 32])
def test_blocks_of_cells_are_those_of_a_pixel_unshuffle(height: int, width: int, stride: int) -> None:
    truth = random_mask(height, width)
    question = Question(truth, 3)
    cells = question.of_cells(stride)
    side = stride // 4
    whole = torch.zeros(1, 1, cells.rows * side, cells.columns * side)
    whole[0, 0, : question.boundary.shape[0], : question.boundary.shape[1]] = torch.from_numpy(question.boundary)
    expected = F.pixel_unshuffle(whole, side)[0].flatten(1).T
    assert question.classes.shape == question.boundary.shape
    assert (cells.rows, cells.columns) == (-(-height // stride), -(-width // stride))
    np.testing.assert_array_equal(cells.targets, expected.numpy() > 0)
    answered, true = question.judged_blocks(cells.targets, stride)
    np.testing.assert_array_equal(answered, true)
    assert true.sum() == question.boundary.sum() and true.shape == (question.judged.sum(),)


def test_features_of_cells_are_those_that_hold_a_pixel() -> None:
    maps = torch.arange(2 * 4 * 4.0).reshape(2, 4, 4)
    cells = Question(random_mask(40, 70), 3).of_cells(32)  # 2 of 4 rows, 3 of 4 columns
    expected = [[row * 4 + column, 16 + row * 4 + column] for row in range(2) for column in range(3)]
    assert cells.of(maps).tolist() == expected


def test_maps_at_blocks_are_interpolated_between_centres_of_cells() -> None:
    question = Question(random_mask(7, 13), 3)  # 2 of 4 rows of blocks, 4 of 4 columns
    maps = torch.tensor([[[0.0, 1.0], [0.0, 1.0]], [[5.0, 5.0], [5.0, 5.0]]])
    expected = [
        [0, 5],
        [0.25, 5],
        [0.75, 5],
        [1, 5],
    ] * 2  # centres of blocks lie a quarter of a cell from those of cells
    assert question.at_blocks(maps, 8).tolist() == expected
    fine = torch.rand(3, 4, 4)
    assert torch.equal(question.at_blocks(fine, 4), fine[:, :2].flatten(1).T)


def random_mask(height: int, width: int) -> NDArray[np.uint8]:
    """Rectangles of labels."""
    rng = np.random.default_rng(height * width)
    truth = np.zeros((height, width), np.uint8)
    for label in (1, 2, 1, VOID):
        top, left = rng.integers(0, height), rng.integers(0, width)
        truth[top : top + 14, left : left + 11] = label
    return truth
