"""Where a network's weights lie, and in which order: one order for training and evaluation."""

from typing import TypeVar

import torch
from torch import nn

from exfuse.errors import UserError

M = TypeVar("M", bound=nn.Module)

MEMORY_FORMAT = torch.channels_last
"""Of models and images, in training and in evaluation alike: it changes the last bits of the results."""


def place(model: M, device: torch.device | None = None) -> M:
    """Moves a model to a device (none: it stays where it is), in the memory format that every job uses."""
    return model.to(device=device, memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]


def choose_device(device: torch.device | str) -> torch.device:
    """A device of torch: ``cpu``, ``cuda``, ``cuda:1``; ``auto`` is a GPU where there is one.

    Raises:
        UserError: there is no such device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return torch.device("cuda" if gpus else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda"):
        raise UserError(f"unknown device '{device}'; valid: auto, cpu, cuda.")
    if chosen.type == "cuda" and (chosen.index or 0) >= gpus:
        raise UserError(
            f"torch finds no GPU here for `{device}`. Use `auto` or `cpu` (`--device`, `hardware` in the preset)."
        )
    return chosen
