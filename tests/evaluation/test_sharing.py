"""Several processes evaluate as one does, to the last bit, and end together when one of them cannot go on."""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from exfuse.errors import UserError
from exfuse.evaluation.sharing import ALONE, Crew, shared_out
from tests.evaluation import teamed
from tests.evaluation.imagenet_val import write_val
from tests.training.processes import together

Write = Callable[[dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]], Path]
T = TypeVar("T")


@dataclass(frozen=True)
class Threads:
    """A crew of threads, with a table that all write to."""

    rank: int
    size: int
    barrier: Barrier
    table: list[object]

    def gathered(self, own: T) -> list[T]:
        self.barrier.wait(10)
        self.table[self.rank] = own
        self.barrier.wait(10)
        return list(self.table)  # type: ignore[arg-type]


def _in_threads(size: int, act: Callable[[Crew], T]) -> list[T]:
    barrier, table = Barrier(size), [None] * size
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda rank: act(Threads(rank, size, barrier, table)), range(size)))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("groups", [0, 1, 4, 6])
def test_every_group_is_worked_on_once_and_comes_in_order(size: int, groups: int) -> None:
    worked_on: list[int] = []

    def squares(own: Sequence[int]) -> Iterator[int]:
        for number in own:
            worked_on.append(number)
            yield number**2

    found = _in_threads(size, lambda crew: list(shared_out(range(groups), squares, crew)))
    assert found == [[(number, number**2) for number in range(groups)]] * size
    assert sorted(worked_on) == list(range(groups))


def test_an_error_ends_all_in_the_round_in_which_it_happens() -> None:
    def fails_at_four(own: Sequence[int]) -> Iterator[int]:
        for number in own:
            if number == 4:
                raise UserError("image 4 is damaged")
            yield number

    def taken(crew: Crew) -> list[int]:
        found: list[int] = []
        with pytest.raises(UserError, match=r"^image 4 is damaged$"):
            found.extend(number for number, _ in shared_out(range(9), fails_at_four, crew))
        return found

    assert _in_threads(3, taken) == [[0, 1, 2]] * 3
    assert taken(ALONE) == [0, 1, 2, 3]


@pytest.fixture
def photographs(write_set_of: Write) -> Path:
    """Five images of different sizes, in three groups of two at most."""
    dice = np.random.default_rng(0)
    samples = {}
    for number in range(5):
        height, width = 18 + 3 * number, 36 - 4 * number
        labels = dice.choice(np.array([0, 2, 15, 255], dtype=np.uint8), (height, width))
        samples[f"2007_{number:06}"] = (dice.integers(0, 256, (height, width, 3), dtype=np.uint8), labels)
    return write_set_of(samples)


def test_several_processes_evaluate_segmentation_as_one(photographs: Path, tmp_path: Path) -> None:
    folders = {size: tmp_path / str(size) for size in (1, 2, 3)}
    for size, folder in folders.items():
        folder.mkdir()
        assert together(teamed.segmentation, size, photographs, folder, size % 2) == [0] * size
    alone = (folders[1] / "found0").read_bytes()
    assert b"[2, 4, 5]" in alone  # progress; the last group is smaller
    for size in (2, 3):
        assert all((folders[size] / f"found{rank}").read_bytes() == alone for rank in range(size))


def test_a_damaged_image_ends_all_with_one_message(photographs: Path, tmp_path: Path) -> None:
    """It is the second process's, and the first would wait for it."""
    (photographs.parent / "2007_000002.jpg").write_bytes(b"no image")
    assert together(teamed.segmentation, 2, photographs, tmp_path, 1) == [1, 1]
    messages = [(tmp_path / f"message{rank}").read_text() for rank in range(2)]
    assert messages[0] == messages[1] and "2007_000002.jpg" in messages[0]


def test_several_processes_evaluate_classification_as_one(tmp_path: Path) -> None:
    contents = []
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24 + number, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        contents.append(stream.getvalue())
    write_val(tmp_path, contents, range(5))
    found = []
    for size in (1, 2):
        target = tmp_path / str(size)
        target.mkdir()
        assert together(teamed.classification, size, tmp_path, target) == [0] * size
        found += [(target / f"found{rank}").read_text() for rank in range(size)]
    assert found == [found[0]] * 3 and "[0, 1, 2, 3, 4]" in found[0]
