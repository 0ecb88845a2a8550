"""Explicit Channel Resolution Embedding, §3.2 and Figure 5.

Replaces the decoder's first deconvolution. The auxiliary loss that makes the embedding explicit sits on what this
module returns, with no learned layer between; without that loss the same module is Table 4's "Sub-pixel Upsample
Only". It starts as bilinear upsampling, exactly as the deconvolution does, so that the four designs of Table 4 start
as the same function (an assumption; the alternative is a random start).
"""

import torch
from torch import nn

from exfuse.models.initialisation import bilinear_subpixels_


class SubPixelUpsampling(nn.Module):
    """conv3×3 to 4·D channels, no nonlinearity, then PixelShuffle(2): (N, D, h, w) to (N, D, 2h, 2w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = bilinear_subpixels_(nn.Conv2d(width, 4 * width, 3, padding=1))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Channel 4d + 2a + b of the convolution becomes pixel (2i + a, 2j + b) of channel d."""
        return self.shuffle(self.conv(maps))
