"""A training, as a program of its own, whose loading processes hang at the second batch, as at a disk that is gone."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from exfuse.data.loading import make_loader
from exfuse.training.interruption import ignore_signals
from exfuse.training.loop import train
from tests.training.conftest import Points, make_course
from tests.training.killed import network


class Hanging(Dataset[tuple[Tensor, int]]):
    """Images of one pixel; each loading process leaves its number in a file of that name, and hangs after a batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        worker = get_worker_info()
        assert worker is not None
        (self.folder / str(os.getpid())).touch()
        if index >= 16 * worker.num_workers:
            (self.folder / f"{os.getpid()}.hangs").touch()
            while True:
                time.sleep(1000)
        return torch.randn(2, 1, 1), index % 2


def main(folder: Path) -> None:
    """Trains until somebody ends it."""
    groups = [range(start, start + 16) for start in range(0, 160, 16)]

    def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
        for points, labels in make_loader(Hanging(folder), groups, workers=2, start_worker=ignore_signals):
            yield points.flatten(1), labels

    train(network(), batches, Points(network()), make_course())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
