"""How the decoder's convolutions start. Neither ExFuse nor GCN says: all of this is an assumption.

Two rules cover every layer. Convolutions between features keep the second moment of what they read
(``fan_scaled_``), because one fixed deviation cannot suit fan-ins that run from 45 × 9 (`mini`) to 15 × 2048
(`paper`). Layers that enlarge the map start as bilinear interpolation, channel to channel.
"""

import math

import torch
from torch import nn

SCATTERED = (0.25, 0.75, 0.75, 0.25)
"""Linear interpolation by two, pixel centres aligned, as a transposed convolution of stride 2 and padding 1."""
GATHERED = ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25))
"""The same as two convolutions: an even output row 2i lies between the input rows i − 1 and i, an odd one between i and
i + 1."""


def fan_scaled_(convolution: nn.Conv2d, gain: float = 1.0, bias: float = 0.0) -> nn.Conv2d:
    """Draws the weights from N(0, gain² / fan-in) and sets the bias.

    Args:
        convolution: changed in place; needs a bias.
        gain: 1 keeps the second moment of the input, √2 that of an input whose output meets a ReLU.
        bias: value of every bias.

    Returns:
        The same convolution.
    """
    fan_in = convolution.weight[0].numel()
    nn.init.normal_(convolution.weight, std=gain / math.sqrt(fan_in))
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, bias)
    return convolution


@torch.no_grad()
def bilinear_deconvolution_(deconvolution: nn.ConvTranspose2d) -> nn.ConvTranspose2d:
    """Makes a 4×4 transposed convolution of stride 2 the bilinear interpolation of each channel.

    Outside the map it interpolates towards zero, where ``interpolate`` repeats the edge.
    """
    deconvolution.weight.zero_()
    kernel = _separable(SCATTERED, SCATTERED)
    for channel in range(deconvolution.in_channels):
        deconvolution.weight[channel, channel] = kernel
    return deconvolution


@torch.no_grad()
def bilinear_subpixels_(convolution: nn.Conv2d) -> nn.Conv2d:
    """Makes a 3×3 convolution to 4·D channels, followed by ``PixelShuffle(2)``, the same interpolation."""
    convolution.weight.zero_()
    kernels = [_separable(row, column) for row in GATHERED for column in GATHERED]
    for channel in range(convolution.in_channels):
        for pixel, kernel in enumerate(kernels):
            convolution.weight[4 * channel + pixel, channel] = kernel
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution


def _separable(rows: tuple[float, ...], columns: tuple[float, ...]) -> torch.Tensor:
    """Their outer product, (len(rows), len(columns)): on the CPU, wherever the network is built."""
    return torch.outer(torch.tensor(rows, device="cpu"), torch.tensor(columns, device="cpu"))
