"""GCN's split of an image into the surroundings of object boundaries and the rest (GCN §4).

A *label change* is the midpoint between two horizontal or vertical neighbours of different labels; void is a label
like any other, the image's border is no change. A pixel is *boundary* when its centre lies within the given
Euclidean distance of a label change, else *interior*. The pixels on both sides of a change are ½ px from it, so
along a straight edge a width of 7 px takes seven pixels on each side, and one below ½ px takes none.
"""

import numpy as np
from numpy.typing import NDArray


def boundary_mask(truth: NDArray[np.integer], width: float) -> NDArray[np.bool_]:
    """Marks the boundary pixels of a label map.

    Args:
        truth: labels (H, W), void included, at the image's own size.
        width: largest distance from a label change, in pixels.

    Returns:
        (H, W), true at boundary pixels.
    """
    marked = np.zeros(truth.shape, dtype=np.bool_)
    _mark(truth, width, marked)
    _mark(truth.T, width, marked.T)
    return marked


def _mark(truth: NDArray[np.integer], width: float, marked: NDArray[np.bool_]) -> None:
    """Marks what is near a change between horizontal neighbours.

    The disc around a change is a stack of rows that get longer towards its middle, so one map grows sideways from
    the outermost row to the middle one and is copied up and down at each.
    """
    height, columns = truth.shape
    changes = truth[:, 1:] != truth[:, :-1]
    grown = np.zeros_like(marked)
    reach = 0
    for rows in range(min(int(width), height - 1), -1, -1):
        while reach < columns - 1 and (reach + 0.5) ** 2 + rows**2 <= width**2:
            grown[:, 1 + reach :] |= changes[:, : columns - 1 - reach]
            grown[:, : columns - 1 - reach] |= changes[:, reach:]
            reach += 1
        marked[rows:] |= grown[: height - rows]
        marked[: height - rows] |= grown[rows:]
