"""Where and with how many threads a training runs, and whether its sums may vary."""

import os
import platform
import sys
from contextlib import AbstractContextManager
from typing import cast

import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.models.placement import choose_device
from exfuse.spec.settings import Hardware

CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""Has to be set for matrix products whose sums do not vary, before CUDA is first used."""


def prepare(hardware: Hardware, seed: int) -> torch.device:
    """Seeds torch, sets its threads and chooses the device.

    A processor always computes the same bits. A GPU does with ``deterministic``: what has no such form there ends
    the training with torch's error, and what has one may be slower.

    Raises:
        UserError: the preset asks for a GPU and there is none, or there are fewer than processes.
    """
    if hardware.deterministic:
        os.environ.setdefault(CUBLAS_WORKSPACE, ":4096:8")
    device = choose_device(hardware.device)
    if device.type == "cuda":
        rank = int(os.environ.get("LOCAL_RANK", "0"))  # `torchrun` numbers its processes
        gpus = torch.cuda.device_count()
        if rank >= gpus:
            raise UserError(f"process {rank} of this machine sees {gpus} GPUs; start as many processes as there are.")
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    elif hardware.precision == "bfloat16" and not _has_bfloat16():
        print("this processor computes bfloat16 in software; `precision: float32` may be faster", file=sys.stderr)
    torch.set_num_threads(hardware.threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(device.type == "cpu" or hardware.deterministic)
    # Filling new memory with NaN only helps to find bugs, and costs a tenth of a small step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return device


def _has_bfloat16() -> bool:
    """Whether the processor itself multiplies in bfloat16; oneDNN, which does it for torch, also imitates it on x86."""
    if platform.machine() in ("x86_64", "AMD64"):
        return bool(torch.cpu._is_avx512_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def convolutions(deterministic: bool) -> AbstractContextManager[None]:
    """While a training runs, whose sizes do not change: cuDNN tries which of its convolutions is the fastest."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=not deterministic, deterministic=deterministic
    )
    return flags


def compiled(model: nn.Module, hardware: Hardware) -> nn.Module:
    """The model as it is trained: by `torch.compile` where the preset asks for it. Its weights stay the model's own."""
    if not hardware.compile:
        return model
    return cast(nn.Module, torch.compile(model, dynamic=False))
