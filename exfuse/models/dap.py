"""Densely Adjacent Prediction, §3.2, Equation 3 and Figure 6.

r[i, j] = 1/k² · Σ over 0 ≤ l, m < k of x^(l·k + m)[i + l − ⌊k/2⌋, j + m − ⌊k/2⌋]

Channel group l·k + m holds the C channels from (l·k + m)·C on; pixels outside the map are zero, and the divisor is
always k². ``PixelShuffle(k)`` with ``AvgPool2d(k)``, often taken for it, averages the groups at one and the same
position instead.

In eager mode the sum is one autograd function, because autograd on k² slices of the full tensor would allocate k²
gradients of the full size. A compiler or exporter gets plain operations, which it can fuse by itself.
"""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

LOW_PRECISION = (torch.float16, torch.bfloat16)


def densely_adjacent_prediction(maps: torch.Tensor, kernel: int) -> torch.Tensor:
    """Equation 3.

    Args:
        maps: (N, k²·C, H, W), floating point, group after group; half precisions are summed in float32.
        kernel: k, odd.

    Returns:
        (N, C, H, W) of the same type.

    Raises:
        ValueError: an even kernel, or channels that k² does not divide.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"the DAP kernel must be odd, not {kernel}")
    if maps.dim() != 4 or maps.shape[1] % kernel**2:
        raise ValueError(f"expected (N, C, H, W) with C a multiple of {kernel**2}, not {tuple(maps.shape)}")
    if torch.compiler.is_compiling():
        return _sum_of_shifts(maps, kernel)
    return _AdjacentMean.apply(maps, kernel)


class DenselyAdjacentPrediction(nn.Module):
    """Equation 3 as a layer without parameters: (N, k²·C, H, W) to (N, C, H, W)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return densely_adjacent_prediction(maps, self.kernel)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}"


def _groups(maps: torch.Tensor, kernel: int) -> torch.Tensor:
    """The channel groups of (N, k²·C, H, W) as a view (N, k², C, H, W)."""
    batch, channels, height, width = maps.shape
    return maps.view(batch, kernel**2, channels // kernel**2, height, width)


def _sum_of_shifts(maps: torch.Tensor, kernel: int) -> torch.Tensor:
    """Equation 3 in differentiable operations: a shift is a padding, negative on the side that leaves the map."""
    groups = _groups(maps, kernel).unbind(1)
    total = torch.zeros_like(groups[0], dtype=torch.float32 if maps.dtype in LOW_PRECISION else maps.dtype)
    for index, group in enumerate(groups):
        down, right = index // kernel - kernel // 2, index % kernel - kernel // 2
        total = total + F.pad(group, (-right, right, -down, down))
    return (total / kernel**2).to(maps.dtype)


def _windows(shift: int, size: int) -> tuple[slice, slice]:
    """Where output pixel i finds pixel i + shift of the input: (output slice, input slice)."""
    overlap = max(size - abs(shift), 0)
    target, source = max(-shift, 0), max(shift, 0)
    return slice(target, target + overlap), slice(source, source + overlap)


class _AdjacentMean(torch.autograd.Function):
    """Equation 3 with one full-size allocation, the gradient's own."""

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, kernel: int) -> torch.Tensor:
        ctx.kernel = kernel
        ctx.channels_last = _is_channels_last(maps)
        groups = _groups(maps, kernel)
        height, width = maps.shape[2:]
        # the middle group is not shifted, so it covers the output and can start the sum
        total = groups[:, kernel**2 // 2].to(torch.float32 if maps.dtype in LOW_PRECISION else maps.dtype, copy=True)
        for index in range(kernel**2):
            if index == kernel**2 // 2:
                continue
            rows, source_rows = _windows(index // kernel - kernel // 2, height)
            columns, source_columns = _windows(index % kernel - kernel // 2, width)
            total[:, :, rows, columns] += groups[:, index, :, source_rows, source_columns]
        return total.div_(kernel**2).to(maps.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        kernel, half = ctx.kernel, ctx.kernel // 2
        batch, channels, height, width = gradient.shape
        layout = torch.channels_last if ctx.channels_last else torch.contiguous_format
        shape = (batch, kernel**2 * channels, height, width)
        spread = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=layout)
        groups = _groups(spread, kernel)
        padded = F.pad(gradient / kernel**2, (half, half, half, half))
        for index in range(kernel**2):
            top, left = 2 * half - index // kernel, 2 * half - index % kernel
            groups[:, index] = padded[:, :, top : top + height, left : left + width]
        return spread, None


def _is_channels_last(maps: torch.Tensor) -> bool:
    return maps.is_contiguous(memory_format=torch.channels_last) and not maps.is_contiguous()
