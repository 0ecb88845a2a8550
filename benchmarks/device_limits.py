"""What a device does at best: floating-point operations in a matrix product, bytes in a copy."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

TRIALS = 7


@dataclass(frozen=True, slots=True)
class Limits:
    """The two numbers of a roofline.

    Attributes:
        flops_per_s: of a large matrix product, two for a multiply-accumulate.
        bytes_per_s: read and written by a large copy.
    """

    flops_per_s: float
    bytes_per_s: float


def measure_limits(device: torch.device, precision: str) -> Limits:
    """The best of several trials on the device, with as many threads as torch has now."""
    on_gpu = device.type == "cuda"
    side, size = (8192, 1 << 30) if on_gpu else (2048, 1 << 28)
    torch.backends.cuda.matmul.allow_tf32 = True  # as convolutions of float32 have it
    matrix = torch.randn(side, side, device=device, dtype=getattr(torch, precision))
    product = torch.empty_like(matrix)
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return Limits(
        flops_per_s=2 * side**3 / _best(lambda: torch.mm(matrix, matrix, out=product), on_gpu),
        bytes_per_s=2 * size / _best(lambda: target.copy_(source), on_gpu),
    )


def _best(work: Callable[[], object], on_gpu: bool) -> float:
    """Seconds of the fastest trial."""
    seconds = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        work()
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
