"""Graphs without data, and networks whose counts a test can add up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exfuse.planning.demands import demands, subjects
from exfuse.planning.work import Phase, Product, Work
from exfuse.spec.graph import Graph
from tests.params import Params, copy_params

MAC = 1_000
"""Of each image's forward pass."""
STATE, GRADIENT, SAVED, LARGEST = 500, 400, 90, 10


def work(images: int) -> Work:
    """A network with one product of ``MAC`` multiply-accumulates an image forward, two of them backward."""
    forward = Phase((Product(1, 2 * MAC * images, 0),), 0, 0)
    backward = Phase((Product(2, 2 * MAC * images, 0),), 0, 0)
    return Work(
        images=images, forward=forward, backward=backward, parameters=100, state_bytes=STATE, gradient_bytes=GRADIENT,
        saved_bytes=SAVED, largest_bytes=LARGEST,
    )  # fmt: skip


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """A copy of ``params/`` with nothing beside it."""
    return copy_params(repo_root, tmp_path)


@pytest.fixture
def counted() -> Callable[[Graph], dict[str, Work]]:
    """Counts of all of a graph's networks."""
    return lambda graph: {key: work(one.images) for key, one in subjects(demands(graph)).items()}
