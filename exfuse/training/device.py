"""Where and with how many threads a training runs."""

from typing import TypeVar

import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.spec.settings import Hardware

M = TypeVar("M", bound=nn.Module)


MEMORY_FORMAT = torch.channels_last
"""Of models and images, in training and in evaluation alike: it changes the last bits of the results."""


def place(model: M, device: torch.device) -> M:
    """Moves a model to its device, in the memory format that every job uses."""
    return model.to(device=device, memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]


def prepare(hardware: Hardware, seed: int) -> torch.device:
    """Seeds torch, sets its threads and chooses the device.

    Raises:
        UserError: the preset asks for a GPU and there is none.
    """
    available = torch.cuda.is_available()
    if hardware.device == "cuda" and not available:
        raise UserError("the preset asks for `device: cuda`, and torch finds no GPU here. Use `auto` or `cpu`.")
    device = torch.device("cuda" if available and hardware.device != "cpu" else "cpu")
    torch.set_num_threads(hardware.threads)
    torch.manual_seed(seed)
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
    return device
