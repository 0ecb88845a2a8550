"""The boundary region against hand-drawn cases, pairs of pixels and scipy's distance transform."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from exfuse.evaluation.boundary import boundary_mask


def by_pairs(truth: NDArray[np.uint8], width: float) -> NDArray[np.bool_]:
    """Every pixel against every midpoint of two unlike neighbours."""
    height, columns = truth.shape
    changes = [
        (row + down / 2, column + right / 2)
        for row in range(height)
        for column in range(columns)
        for down, right in ((0, 1), (1, 0))
        if row + down < height and column + right < columns and truth[row, column] != truth[row + down, column + right]
    ]
    near = [
        [any((row - y) ** 2 + (column - x) ** 2 <= width**2 for y, x in changes) for column in range(columns)]
        for row in range(height)
    ]
    return np.array(near)


def test_a_straight_edge_has_as_many_pixels_on_each_side_as_the_width() -> None:
    truth = np.zeros((5, 30), dtype=np.uint8)
    truth[:, 15:] = 1
    for width in (1, 3, 7):
        assert np.flatnonzero(boundary_mask(truth, width)[2]).tolist() == list(range(15 - width, 15 + width))


def test_a_pixel_beside_a_change_is_half_a_pixel_from_it() -> None:
    truth = np.zeros((5, 5), dtype=np.uint8)
    truth[2, 2] = 1
    cross = [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert boundary_mask(truth, 0.5).astype(int).tolist() == cross
    assert boundary_mask(truth, 0.875).astype(int).tolist() == cross  # 7 px at 512 as `mini` scales it
    assert not boundary_mask(truth, 0.49).any()
    # the diagonal neighbours are half a row and one column from the nearest midpoint: sqrt(1.25) = 1.118
    assert boundary_mask(truth, 1.12)[1, 1]
    assert not boundary_mask(truth, 1.11)[1, 1]


def test_void_is_a_label_and_the_images_border_is_no_change() -> None:
    assert not boundary_mask(np.full((6, 6), 3, dtype=np.uint8), 7).any()
    truth = np.zeros((1, 20), dtype=np.uint8)
    truth[:, :5] = 255
    assert np.flatnonzero(boundary_mask(truth, 2)).tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (6, 13), (17, 12)])
def test_against_all_pairs_of_pixels(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    for width in (0.4, 0.875, 1.0, 2.3, 7.0, 30.0):
        for density in (0.02, 0.2):
            truth = rng.choice([0, 1, 255], shape, p=[1 - 2 * density, density, density]).astype(np.uint8)
            np.testing.assert_array_equal(boundary_mask(truth, width), by_pairs(truth, width))


def test_against_a_distance_transform_on_half_pixels() -> None:
    rng = np.random.default_rng(4)
    truth = (rng.random((60, 80)) > 0.995).astype(np.uint8)
    truth[20:45, 30:60] = 2
    centres = np.zeros((119, 159), dtype=bool)
    centres[::2, 1::2] = truth[:, 1:] != truth[:, :-1]
    centres[1::2, ::2] = truth[1:] != truth[:-1]
    distance = distance_transform_edt(~centres)[::2, ::2] / 2
    np.testing.assert_array_equal(boundary_mask(truth, 7), distance <= 7 + 1e-9)
    assert 0.1 < boundary_mask(truth, 7).mean() < 0.9
