"""Where and with how many threads a training runs."""

import torch

from exfuse.errors import UserError
from exfuse.spec.settings import Hardware


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
