"""Tiles and their weights: worked by hand in one dimension, and seen through networks whose answer is known."""

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from exfuse.evaluation.tiles import score_bands, spans


def weights(length: int, size: int) -> list[tuple[int, list[float]]]:
    return [(span.start, [round(value, 4) for value in span.weights.tolist()]) for span in spans(length, size)]


def test_two_tiles_by_hand() -> None:
    # tiles of 6 lie 4 apart; a tile's weights are 1/3 2/3 1 1 2/3 1/3; pixels 4 and 5 are in both
    assert weights(10, 6) == [(0, [1, 1, 1, 1, 0.6667, 0.3333]), (4, [0.3333, 0.6667, 1, 1, 1, 1])]


def test_a_shifted_last_tile_by_hand() -> None:
    # the second tile ends at the border: pixels 3, 4 and 5 have weights 1 2/3 1/3 and 1/3 2/3 1
    assert weights(9, 6) == [(0, [1, 1, 1, 0.75, 0.5, 0.25]), (3, [0.25, 0.5, 0.75, 1, 1, 1])]


@pytest.mark.parametrize("length", [1, 5, 6])
def test_what_is_no_longer_than_a_tile_is_one(length: int) -> None:
    assert weights(length, 6) == [(0, [1] * length)]


@pytest.mark.parametrize("size", [1, 2, 64, 512])
@pytest.mark.parametrize("more", [1, 2, 63, 64, 200, 1111])
def test_every_pixel_is_seen_with_weight_1_and_tiles_are_whole(size: int, more: int) -> None:
    length = size + more
    total = torch.zeros(length)
    found = spans(length, size)
    for span in found:
        assert len(span.weights) == size
        assert span.weights.min() > 0
        total[span.start : span.stop] += span.weights
    torch.testing.assert_close(total, torch.ones(length))
    assert (found[0].start, found[-1].stop) == (0, length)
    starts = [span.start for span in found]
    assert all(0 < after - before <= max(2 * size // 3, 1) for before, after in itertools.pairwise(starts))


def red(tiles: Sequence[Tensor]) -> Tensor:
    """Two scores of each pixel, from the pixel alone; tiles are padded to 12 pixels."""
    padded = torch.zeros(len(tiles), 2, 12, 12)
    for place, tile in enumerate(tiles):
        padded[place, :, : tile.shape[1], : tile.shape[2]] = torch.stack([tile[0].float(), -tile[2].float()])
    return padded


@pytest.mark.parametrize(("height", "width"), [(40, 57), (13, 12), (5, 30), (30, 5), (12, 12), (1, 100), (37, 13)])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_network_that_sees_single_pixels_sees_the_same_in_tiles(height: int, width: int, batch_size: int) -> None:
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    asked: list[int] = []

    def score(tiles: Sequence[Tensor]) -> Tensor:
        asked.append(len(tiles))
        return red(tiles)

    bands = [band.clone() for band in score_bands(image, 12, batch_size, score)]
    assert max(len(band[0]) for band in bands) <= 12
    torch.testing.assert_close(torch.cat(bands, dim=1), torch.stack([image[0].float(), -image[2].float()]))
    assert max(asked) <= batch_size
    assert sum(asked) == len(spans(height, 12)) * len(spans(width, 12))


def test_scores_are_averaged_by_both_sides_weights() -> None:
    """The n-th tile in reading order answers n everywhere."""
    numbers = iter(range(4))

    def score(tiles: Sequence[Tensor]) -> Tensor:
        return torch.stack([torch.full((1, 6, 6), float(next(numbers))) for _ in tiles])

    scores = torch.cat([band.clone() for band in score_bands(torch.zeros(3, 10, 9, dtype=torch.uint8), 6, 1, score)], 1)
    across = torch.tensor([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])  # share of the right tile
    down = torch.tensor([0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1])  # share of the lower tile
    torch.testing.assert_close(scores[0], 2 * down[:, None] + across)


@pytest.mark.parametrize(("height", "width"), [(20, 31), (20, 5), (5, 31)])
def test_mirrored_is_the_image_mirrored_there_and_back(height: int, width: int) -> None:
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    columns = torch.arange(12.0)

    def score(tiles: Sequence[Tensor]) -> Tensor:
        return red(tiles) * columns  # depends on where in a tile a pixel lies

    def whole(image: Tensor, mirrored: bool) -> Tensor:
        return torch.cat([band.clone() for band in score_bands(image, 12, 2, score, mirrored=mirrored)], dim=1)

    assert torch.equal(whole(image, mirrored=True), whole(image.flip(2), mirrored=False).flip(2))
    assert not torch.equal(whole(image, mirrored=True), whole(image, mirrored=False))
