"""Where and with how many threads a training runs."""

import os

import torch

from exfuse.models.placement import choose_device
from exfuse.spec.settings import Hardware


def prepare(hardware: Hardware, seed: int) -> torch.device:
    """Seeds torch, sets its threads and chooses the device.

    Raises:
        UserError: the preset asks for a GPU and there is none.
    """
    device = choose_device(hardware.device)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))  # `torchrun` numbers its processes
        torch.cuda.set_device(device)
    torch.set_num_threads(hardware.threads)
    torch.manual_seed(seed)
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
    return device
