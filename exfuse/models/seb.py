"""Semantic Embedding Branch, §3.1, Equation 2 and Figure 4.

F(x_l, …, x_L) multiplies the features of a low level by what the higher levels say there. No norm and no ReLU
follow the 3×3 convolutions. They start with bias 1 and small weights, so that the product starts near x_l: an
assumption, without which a product of up to three random maps would drown the level that it should guide.
"""

from collections.abc import Mapping

import torch
from torch import nn

from exfuse.models.initialisation import fan_scaled_
from exfuse.models.resize import resize

START_GAIN = 0.1


class SemanticEmbeddingBranch(nn.Module):
    """x_l · Π over the higher levels m of upsample(conv3×3(x_m)), bilinear.

    Args:
        channels: of x_l.
        higher: channels of x_m by level m.
    """

    def __init__(self, channels: int, higher: Mapping[int, int]) -> None:
        super().__init__()
        self.embed = nn.ModuleDict(
            {
                str(level): fan_scaled_(nn.Conv2d(width, channels, 3, padding=1), gain=START_GAIN, bias=1.0)
                for level, width in higher.items()
            }
        )

    def forward(self, features: torch.Tensor, higher: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """Embeds the higher levels' semantics.

        Args:
            features: x_l, (N, channels, h, w).
            higher: the un-multiplied x_m, (N, c_m, h_m, w_m) by level; must hold every level of ``embed``.

        Returns:
            (N, channels, h, w).
        """
        size = (features.shape[2], features.shape[3])
        for level, convolution in self.embed.items():
            features = features * resize(convolution(higher[int(level)]), size)
        return features
