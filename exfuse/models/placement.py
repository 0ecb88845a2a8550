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


def choose_device(name: str) -> torch.device:
    """``auto`` is a GPU where there is one.

    Raises:
        UserError: there is no such device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device '{name}'; valid: auto, cpu, cuda.")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError(
            "torch finds no GPU here for `cuda`. Use `auto` or `cpu` (`--device`, `hardware` in the preset)."
        )
    return torch.device("cuda" if available and name != "cpu" else "cpu")
