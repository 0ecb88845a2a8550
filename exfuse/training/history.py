"""The learning curve: means of the losses over equal stretches of a training."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        self._done = 0
        self._pending: list[dict[str, Tensor]] = []
        self._rates: list[float] = []
        self._rows: list[dict[str, object]] = []

    def add(self, rate: float, losses: Mapping[str, Tensor]) -> dict[str, float] | None:
        """Takes the next step's losses; every now and then gives their means since the last row.

        Raises:
            FloatingPointError: a loss since the last row is NaN or infinite.
        """
        self._pending.append({name: value.detach() for name, value in losses.items()})
        self._rates.append(rate)
        self._done += 1
        ends_row = self._done % self._interval == 0 or self._done == self._steps
        if not ends_row and self._done % LOOK_EVERY:
            return None
        means = self.check()
        if ends_row:
            values = {name: f"{value:.6f}" for name, value in means.items()}
            self._rows.append({"step": self._done, "learning_rate": f"{rate:.6g}", **values})
            self._pending.clear()
            self._rates.clear()
        return means

    def check(self) -> dict[str, float]:
        """The means since the last row, empty right after one.

        Raises:
            FloatingPointError: a loss is NaN or infinite; says at which step.
        """
        if not self._pending:
            return {}
        means = {name: float(self._of(name).mean()) for name in self._pending[0]}
        if not all(math.isfinite(value) for value in means.values()):
            self._complain()
        return means

    def _of(self, name: str) -> Tensor:
        return torch.stack([losses[name] for losses in self._pending])

    def _complain(self) -> None:
        first = self._done - len(self._pending) + 1
        losses = self._of("loss").tolist()
        for number, (loss, rate) in enumerate(zip(losses, self._rates, strict=True)):
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {first + number}, learning rate {rate:.3g}")
        raise FloatingPointError(f"a part of the loss is no finite number between steps {first} and {self._done}")

    def content(self) -> dict[str, Any]:
        """All of it, to be saved."""
        pending = [{name: value.cpu() for name, value in losses.items()} for losses in self._pending]
        return {"done": self._done, "pending": pending, "rates": self._rates, "rows": self._rows}

    def restore(self, content: Mapping[str, Any], device: torch.device) -> None:
        """Becomes the history that was saved."""
        self._done = content["done"]
        self._pending = [{name: value.to(device) for name, value in losses.items()} for losses in content["pending"]]
        self._rates = list(content["rates"])
        self._rows = list(content["rows"])

    def write(self, target: Path) -> None:
        """Writes the curve; columns ``step``, ``learning_rate``, ``loss`` and its terms."""
        columns = list(self._rows[0]) if self._rows else ["step", "learning_rate", "loss", "main"]
        write_csv(target, columns, self._rows)
