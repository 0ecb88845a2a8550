"""The learning curve: means of the losses over equal stretches of a training."""

from pathlib import Path

import torch
from torch import Tensor

from exfuse.files import write_csv

ROWS = 50
"""Rows of a curve, at most about this many."""


class History:
    """Collects losses without waiting for the device at each step, and writes ``history.csv``."""

    def __init__(self, steps: int) -> None:
        self._interval = max(1, steps // ROWS)
        self._steps = steps
        self._pending: list[dict[str, Tensor]] = []
        self._rows: list[dict[str, object]] = []

    def add(self, step: int, rate: float, losses: dict[str, Tensor]) -> dict[str, float] | None:
        """Takes a step's losses; gives the means of a stretch when the step ends one.

        Raises:
            FloatingPointError: the mean is NaN or infinite.
        """
        self._pending.append({name: value.detach() for name, value in losses.items()})
        done = step + 1
        if done % self._interval and done != self._steps:
            return None
        means = {name: float(torch.stack([row[name] for row in self._pending]).mean()) for name in losses}
        self._pending.clear()
        if not all(torch.isfinite(torch.tensor(value)) for value in means.values()):
            raise FloatingPointError(f"the loss is {means['loss']} after step {done}, at learning rate {rate:.3g}")
        self._rows.append(
            {"step": done, "learning_rate": f"{rate:.6g}", **{name: f"{value:.6f}" for name, value in means.items()}}
        )
        return means

    def write(self, target: Path) -> None:
        """Writes the curve; columns ``step``, ``learning_rate``, ``loss`` and its terms."""
        columns = list(self._rows[0]) if self._rows else ["step", "learning_rate", "loss", "main"]
        write_csv(target, columns, self._rows)
