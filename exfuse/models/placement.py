"""Where a network's weights lie, and in which order: one order for training and evaluation."""

from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)

MEMORY_FORMAT = torch.channels_last
"""Of models and images, in training and in evaluation alike: it changes the last bits of the results."""


def place(model: M, device: torch.device | None = None) -> M:
    """Moves a model to a device (none: it stays where it is), in the memory format that every job uses."""
    return model.to(device=device, memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
