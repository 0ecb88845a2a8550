"""Which samples a training step sees, and the random numbers of each, as functions of (seed, epoch, index) alone.

The number of loading processes and interruptions therefore change nothing: a training that begins again at step k
sees what the undisturbed one would have seen from there on.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from torch.utils.data import Sampler

ORDER_STREAM, AUGMENTATION_STREAM = 1, 2

Position = tuple[int, int]
"""Epoch and index of a sample."""

T = TypeVar("T")


def augmentation_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random numbers of one sample in one epoch."""
    return np.random.default_rng([AUGMENTATION_STREAM, seed, epoch, index])


class StepSampler(Sampler[list[Position]]):
    """The batches of steps ``first_step`` … ``last_step`` − 1 as lists of (epoch, index).

    Each epoch is a permutation of the whole set. Epochs follow each other without a gap: a batch may hold the end
    of one and the start of the next, and none is ever smaller than ``batch_size``.

    Args:
        length: samples in the set.
        batch_size: samples in a step.
        seed: with the epoch decides each permutation.
        first_step: where to begin; 0, or the number of steps that are done.
        last_step: number of steps of the whole training.
    """

    def __init__(self, length: int, batch_size: int, seed: int, first_step: int, last_step: int) -> None:
        if length < 1 or batch_size < 1:
            raise ValueError(f"cannot draw batches of {batch_size} from {length} samples")
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.first_step = first_step
        self.last_step = last_step

    def __len__(self) -> int:
        return max(self.last_step - self.first_step, 0)

    def __iter__(self) -> Iterator[list[Position]]:
        epoch, order = -1, np.empty(0, dtype=np.int64)
        for step in range(self.first_step, self.last_step):
            batch = []
            for position in range(step * self.batch_size, (step + 1) * self.batch_size):
                if position // self.length != epoch:
                    epoch = position // self.length
                    order = np.random.default_rng([ORDER_STREAM, self.seed, epoch]).permutation(self.length)
                batch.append((epoch, int(order[position % self.length])))
            yield batch


def consecutive_batches(items: Sequence[T], batch_size: int) -> list[Sequence[T]]:
    """The items in order, in groups of ``batch_size``; the last may be smaller."""
    return [items[start : start + batch_size] for start in range(0, len(items), batch_size)]
