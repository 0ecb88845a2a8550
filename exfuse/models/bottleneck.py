"""The residual block of every encoder: ResNet's and ResNeXt's bottleneck, with squeeze-and-excitation if asked for.

Names of modules, and with them the keys of the state dict, are timm's.
"""

import torch
from torch import nn

EXPANSION = 4
"""Channels that a block gives, for each of its planes."""
SQUEEZE = 16
"""Channels before the squeeze for each after it (Hu et al., CVPR 2018), which are a multiple of ``SQUEEZE_DIVISOR``."""
SQUEEZE_DIVISOR = 8


class SqueezeExcitation(nn.Module):
    """Weighs channels by what their means over the map say: x · sigmoid(fc2(relu(fc1(mean x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(1, int(channels / SQUEEZE / SQUEEZE_DIVISOR + 0.5)) * SQUEEZE_DIVISOR
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.act = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        weights: torch.Tensor = self.fc2(self.act(self.fc1(features.mean((2, 3), keepdim=True))))
        return features * weights.sigmoid()


class Bottleneck(nn.Module):
    """relu(shortcut(x) + expand(conv3×3(reduce(x)))), batch norm after each convolution.

    Args:
        in_channels: of x.
        planes: a quarter of the channels that come out.
        stride: of the 3×3 convolution and of the shortcut, which is a 1×1 convolution where x does not fit as it is.
        cardinality: groups of the 3×3 convolution.
        base_width: channels of a group where ``planes`` is 64; elsewhere in proportion.
        squeeze_excitation: before the sum.
    """

    def __init__(
        self,
        in_channels: int,
        planes: int,
        stride: int = 1,
        cardinality: int = 1,
        base_width: int = 64,
        squeeze_excitation: bool = False,
    ) -> None:
        super().__init__()
        width, out_channels = planes * base_width // 64 * cardinality, EXPANSION * planes
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=cardinality, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.se = SqueezeExcitation(out_channels) if squeeze_excitation else None
        self.act3 = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        residual = self.act1(self.bn1(self.conv1(features)))
        residual = self.act2(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        if self.se is not None:
            residual = self.se(residual)
        residual += features if self.downsample is None else self.downsample(features)
        return self.act3(residual)
