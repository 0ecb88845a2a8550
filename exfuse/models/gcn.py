"""The parts of GCN ("Large Kernel Matters", CVPR 2017) that ExFuse's baseline keeps: GCN, BR and the deconvolution.

Figure 2 of GCN: the large kernel as two separable branches without a nonlinearity, and the residual boundary
refinement. How they start is an assumption (``initialisation``).
"""

import math

import torch
from torch import nn

from exfuse.models.initialisation import bilinear_deconvolution_, fan_scaled_

RESIDUAL_GAIN = 0.1
"""Boundary refinement starts near the identity: up to six of them follow each other without a norm between."""


class GlobalConvolution(nn.Module):
    """GCN block: (k×1 then 1×k) + (1×k then k×1), from ``in_channels`` to ``width``, at the same size."""

    def __init__(self, in_channels: int, width: int, kernel: int) -> None:
        super().__init__()
        tall, wide, half = (kernel, 1), (1, kernel), kernel // 2
        self.left = nn.Sequential(
            fan_scaled_(nn.Conv2d(in_channels, width, tall, padding=(half, 0))),
            fan_scaled_(nn.Conv2d(width, width, wide, padding=(0, half))),
        )
        self.right = nn.Sequential(
            fan_scaled_(nn.Conv2d(in_channels, width, wide, padding=(0, half))),
            fan_scaled_(nn.Conv2d(width, width, tall, padding=(half, 0))),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, in_channels, h, w) to (N, width, h, w)."""
        # no convolution needs its own output for its gradient, so sums here and below take its place in memory
        return self.left(features).add_(self.right(features))


class BoundaryRefinement(nn.Module):
    """BR: x + conv3×3(ReLU(conv3×3(x))), width to width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = fan_scaled_(nn.Conv2d(width, width, 3, padding=1), gain=math.sqrt(2))
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = fan_scaled_(nn.Conv2d(width, width, 3, padding=1), gain=RESIDUAL_GAIN)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, width, h, w) to the same shape."""
        return self.conv2(self.relu(self.conv1(maps))).add_(maps)


class Deconvolution(nn.ConvTranspose2d):
    """4×4 transposed convolution of stride 2: (N, width, h, w) to (N, width, 2h, 2w).

    Starts as bilinear upsampling, channel to channel. No bias: the convolutions before and after have one.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 4, stride=2, padding=1, bias=False)
        bilinear_deconvolution_(self)
