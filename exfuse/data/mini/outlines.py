"""COCO's two forms of a region: polygons along pixel edges, and column-major run lengths for crowds."""

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Vertex = tuple[int, int]


def run_lengths(mask: Mask) -> list[int]:
    """Uncompressed RLE of an (H, W) mask: lengths of the runs down the columns, the first one of zeros."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    changes = np.flatnonzero(np.diff(flat)).tolist()
    if not changes:
        return [mask.size]
    return [changes[0], *np.diff([*changes, mask.size]).tolist()]


def polygons(mask: Mask) -> list[list[int]]:
    """Outlines (x1, y1, x2, y2, … in pixels) of an (H, W) mask's parts.

    COCO's polygons cannot express a hole: a region around one is cut in two through the hole.
    """
    return [[coordinate for vertex in loop for coordinate in vertex] for loop in _solid_loops(mask, 0)]


def _solid_loops(mask: Mask, left: int) -> list[list[Vertex]]:
    loops = _loops(mask)
    holes = [loop for loop in loops if _signed_area(loop) < 0]
    if not holes:
        return [[(x + left, y) for x, y in loop] for loop in loops]
    cut = min(x for x, _ in holes[0]) + 1
    return _solid_loops(mask[:, :cut], left) + _solid_loops(mask[:, cut:], left + cut)


def _signed_area(loop: list[Vertex]) -> int:
    """Twice the area; positive with the region on the right of the path (y points down)."""
    following = [*loop[1:], loop[0]]
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(loop, following, strict=True))


def _edges(mask: Mask) -> dict[Vertex, list[Vertex]]:
    """Pixel edges between region and rest, as start → ends, with the region on the right of the path."""
    inside = np.pad(mask, 1)
    edges: dict[Vertex, list[Vertex]] = {}
    for (dy, dx), (start, end) in {
        (-1, 0): ((0, 0), (1, 0)),
        (0, 1): ((1, 0), (1, 1)),
        (1, 0): ((1, 1), (0, 1)),
        (0, -1): ((0, 1), (0, 0)),
    }.items():
        beyond = np.roll(inside, (-dy, -dx), axis=(0, 1))
        for y, x in np.argwhere(inside & ~beyond).tolist():
            first = (x - 1 + start[0], y - 1 + start[1])
            edges.setdefault(first, []).append((x - 1 + end[0], y - 1 + end[1]))
    return edges


def _loops(mask: Mask) -> list[list[Vertex]]:
    """Closed paths along the region's edge, corners only; parts that touch at a corner stay apart."""
    edges = _edges(mask)
    loops = []
    while edges:
        start = min(edges)
        path, step, here = [], (0, 0), start
        while here in edges:
            following = _take(edges, here, step)
            new_step = (following[0] - here[0], following[1] - here[1])
            if new_step != step:
                path.append(here)
            here, step = following, new_step
        loops.append(path)
    return loops


def _take(edges: dict[Vertex, list[Vertex]], here: Vertex, step: Vertex) -> Vertex:
    """Removes and returns the next vertex: at a crossing, the right turn."""
    ends = edges[here]
    right = (here[0] - step[1], here[1] + step[0])
    following = right if right in ends else ends[0]
    ends.remove(following)
    if not ends:
        del edges[here]
    return following
