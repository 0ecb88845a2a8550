"""Images much larger than those that a network was trained on: overlapping tiles of the training size.

A GCN depends on its input's size, so a large image is not given to it whole. Tiles lie two thirds of their side apart;
the last one of a row or column ends at the image's border. Where tiles overlap, their scores are averaged with weights
that fall linearly towards a tile's edges, where it sees least. Scores come out a band of rows at a time, so that those
of the whole image (2 GB for 24 megapixels in VOC's classes) never lie in memory at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Score = Callable[[Sequence[Tensor]], Tensor]
"""Class scores (n, C, size, size) of n tiles, uint8 RGB (3, h, w) with sides of at most ``size``."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A tile's place along one side of an image.

    Attributes:
        start: of its first pixel.
        weights: share in the average of each of its pixels along this side, float32 (n,); those of all tiles that hold
            a pixel add up to 1.
    """

    start: int
    weights: Tensor

    @property
    def stop(self) -> int:
        """One past its last pixel."""
        return self.start + len(self.weights)


def spans(length: int, size: int) -> list[Span]:
    """The tiles along a side of ``length`` pixels; one, where it is no longer than a tile of ``size``."""
    tile = min(length, size)
    stride = max(2 * size // 3, 1)
    starts = [*range(0, length - tile, stride), length - tile]
    slope = torch.arange(1, tile + 1, dtype=torch.float64) / (size - stride + 1)
    ramp = torch.minimum(slope, slope.flip(0)).clamp(max=1)
    total = torch.zeros(length, dtype=torch.float64)
    for start in starts:
        total[start : start + tile] += ramp
    return [Span(start, (ramp / total[start : start + tile]).float()) for start in starts]


def score_bands(image: Tensor, size: int, batch_size: int, score: Score, *, mirrored: bool = False) -> Iterator[Tensor]:
    """Class scores of an image from tiles, from top to bottom.

    Args:
        image: uint8 RGB (3, H, W).
        size: side of the tiles in pixels.
        batch_size: tiles that are scored at once, at most.
        score: the network.
        mirrored: whether it sees the mirrored image; the scores lie as the image does all the same.

    Yields:
        float32 (C, rows, W), whose rows add up to H; overwritten when the next one is asked for.
    """
    rows, columns = spans(image.shape[1], size), spans(image.shape[2], size)
    if mirrored:
        columns = [Span(image.shape[2] - column.stop, column.weights.flip(0)) for column in columns]
    band = torch.empty(0)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        for start in range(0, len(columns), batch_size):
            group = columns[start : start + batch_size]
            tiles = [image[:, row.start : row.stop, column.start : column.stop] for column in group]
            scores = score([tile.flip(2) for tile in tiles] if mirrored else tiles)
            if not band.numel():
                band = scores.new_zeros(scores.shape[1], len(row.weights), image.shape[2])
            for column, tile in zip(group, scores, strict=True):
                seen = tile[:, : len(row.weights), : len(column.weights)]
                _add(band, row, column, seen.flip(2) if mirrored else seen)
        finished = len(row.weights) if following is None else following.start - row.start
        yield band[:, :finished]
        _shift(band, finished)


def _add(band: Tensor, row: Span, column: Span, scores: Tensor) -> None:
    """Adds the weighted scores (C, h, w) of a tile in their place."""
    weights = row.weights[:, None] * column.weights
    band[:, :, column.start : column.stop].addcmul_(scores, weights.to(band.device))


def _shift(band: Tensor, rows: int) -> None:
    """Moves a band up by ``rows`` and clears what comes in, in place."""
    kept = band.shape[1] - rows
    if kept:
        band[:, :kept] = band[:, rows:].clone()
    band[:, kept:] = 0
