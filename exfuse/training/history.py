"""The learning curve: means of the losses over equal stretches of a training."""

import math
from pathlib import Path

import torch
from torch import Tensor

from exfuse.files import write_csv

ROWS = 50
"""Rows of a curve, at most about this many."""
LOOK_EVERY = 100
"""Steps between looks at the loss, at most: each look waits for the device."""


class History:
    """Collects losses without waiting for the device at each step, and writes ``history.csv``."""

    def __init__(self, steps: int) -> None:
        self._interval = max(1, steps // ROWS)
        self._steps = steps
        self._pending: list[dict[str, Tensor]] = []
        self._rows: list[dict[str, object]] = []

    def add(self, step: int, rate: float, losses: dict[str, Tensor]) -> dict[str, float] | None:
        """Takes a step's losses; every now and then gives their means since the last row.

        Raises:
            FloatingPointError: the mean is NaN or infinite.
        """
        self._pending.append({name: value.detach() for name, value in losses.items()})
        done = step + 1
        ends_row = done % self._interval == 0 or done == self._steps
        if not ends_row and done % LOOK_EVERY:
            return None
        means = {name: float(torch.stack([row[name] for row in self._pending]).mean()) for name in losses}
        if not all(math.isfinite(value) for value in means.values()):
            raise FloatingPointError(f"the loss is {means['loss']} after step {done}, at learning rate {rate:.3g}")
        if ends_row:
            self._pending.clear()
            values = {name: f"{value:.6f}" for name, value in means.items()}
            self._rows.append({"step": done, "learning_rate": f"{rate:.6g}", **values})
        return means

    def write(self, target: Path) -> None:
        """Writes the curve; columns ``step``, ``learning_rate``, ``loss`` and its terms."""
        columns = list(self._rows[0]) if self._rows else ["step", "learning_rate", "loss", "main"]
        write_csv(target, columns, self._rows)
