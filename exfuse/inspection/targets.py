"""What the probes of Figure 1 are asked: the class of each 4×4 block of an image, and where boundaries run.

Both are asked on one grid for all levels, the finest that features have (stride 4): every level answers for the same
blocks, small objects are in the sample of all, and being coarse is what costs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from exfuse.data.labels import IGNORE_INDEX
from exfuse.evaluation.boundary import boundary_mask
from exfuse.inspection.features import FINEST
from exfuse.models.resize import resize

TOUCHING = 0.5
"""Pixels from the centre of a pixel to a label change at its side."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of one stride that hold a pixel of an image, n = rows · columns, and the blocks in each.

    Attributes:
        rows: ⌈H/stride⌉.
        columns: ⌈W/stride⌉.
        side: blocks along a side of a cell.
        targets: bool (n, side²), whether a boundary touches each block of each cell; none does beyond the image.
    """

    rows: int
    columns: int
    side: int
    targets: NDArray[np.bool_]

    def of(self, feature_map: Tensor) -> Tensor:
        """(D, h, w) of the padded image as float64 (n, D)."""
        return feature_map[:, : self.rows, : self.columns].flatten(1).T.double()


class Question:
    """What the probes are asked about an image.

    Attributes:
        classes: of each block, see :func:`block_classes`; uint8 (⌈H/4⌉, ⌈W/4⌉).
        boundary: blocks that a boundary touches, likewise.
        judged: blocks that count for boundaries, likewise.

    Args:
        truth: classes or 255 (H, W).
        num_classes: classes with background.
    """

    def __init__(self, truth: NDArray[np.uint8], num_classes: int) -> None:
        self.boundary, self.judged = boundary_blocks(truth)
        self.classes = block_classes(truth, num_classes)
        self._cells: dict[int, Cells] = {}

    def of_cells(self, stride: int) -> Cells:
        """Where boundaries run in cells of a stride, a multiple of 4."""
        if stride not in self._cells:
            side = stride // FINEST
            rows, columns = (-(-blocks // side) for blocks in self.boundary.shape)
            blocks = np.zeros((rows * side, columns * side), dtype=np.bool_)
            blocks[: self.boundary.shape[0], : self.boundary.shape[1]] = self.boundary
            targets = blocks.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(rows * columns, side**2)
            self._cells[stride] = Cells(rows, columns, side, targets)
        return self._cells[stride]

    def at_blocks(self, maps: Tensor, stride: int) -> Tensor:
        """Maps (D, h, w) of the padded image, brought to the grid: those of its n blocks (n, D)."""
        side = stride // FINEST
        rows, columns = self.classes.shape
        fine = resize(maps[None], (side * maps.shape[1], side * maps.shape[2]))[0]
        return fine[:, :rows, :columns].flatten(1).T

    def judged_blocks(self, answers: NDArray, stride: int) -> tuple[NDArray, NDArray[np.bool_]]:
        """What was answered and what is true of the N blocks that count.

        Args:
            answers: of each block of each cell of that stride (n, side²).
            stride: of the cells.
        """
        cells = self.of_cells(stride)
        by_cell = answers.reshape(cells.rows, cells.columns, cells.side, cells.side)
        grid = by_cell.transpose(0, 2, 1, 3).reshape(cells.rows * cells.side, cells.columns * cells.side)
        height, width = self.judged.shape
        return grid[:height, :width][self.judged], self.boundary[self.judged]


def block_classes(truth: NDArray[np.uint8], num_classes: int) -> NDArray[np.uint8]:
    """The most frequent label in each 4×4 block; the lowest of equally frequent ones.

    Args:
        truth: classes or 255 (H, W). What of a block lies beyond the image is void.
        num_classes: classes C with background.

    Returns:
        (⌈H/4⌉, ⌈W/4⌉): a class, or 255 where most pixels are void.
    """
    cells = _in_cells(truth, FINEST, IGNORE_INDEX)
    labels = np.array([*range(num_classes), IGNORE_INDEX], dtype=np.uint8)
    counts = np.stack([(cells == label).sum(axis=(1, 3)) for label in labels])
    return labels[counts.argmax(axis=0)]


def boundary_blocks(truth: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which 4×4 blocks a boundary between two classes runs through or along.

    Void first takes the label of the nearest pixel that has one, so that a boundary runs along the middle of the band
    that VOC leaves void around its objects, and void inside one class is no boundary.

    Args:
        truth: classes or 255 (H, W).

    Returns:
        Two maps (⌈H/4⌉, ⌈W/4⌉): blocks with a pixel beside a label change; blocks that are judged, which are these
        and all others with a pixel that is not void.
    """
    labelled = truth != IGNORE_INDEX
    if not labelled.any():
        nothing = np.zeros([-(-side // FINEST) for side in truth.shape], dtype=np.bool_)
        return nothing, nothing.copy()
    if not labelled.all():
        rows, columns = distance_transform_edt(~labelled, return_distances=False, return_indices=True)
        truth = truth[rows, columns]
    boundary = _blocks_with(boundary_mask(truth, TOUCHING))
    return boundary, boundary | _blocks_with(labelled)


def _blocks_with(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(_in_cells(pixels, FINEST, False).any(axis=(1, 3)))


def _in_cells(pixels: NDArray, side: int, fill: int | bool) -> NDArray:
    """(H, W) as (rows, side, columns, side) of whole cells, filled at the bottom and right."""
    height, width = pixels.shape
    whole = np.pad(pixels, ((0, -height % side), (0, -width % side)), constant_values=fill)
    return whole.reshape(whole.shape[0] // side, side, whole.shape[1] // side, side)
