"""The decoder: GCN's, with the switches that ExFuse adds to it (Figure 2, Equations 1 and 2).

Every map has the same width: the classes, or k² times the classes where each class predicts its neighbours (§3.2;
"each deconvolution block" has 189 channels, and Equation 1 adds, so GCN and BR have them too). Levels that a run
omits (Tables 1 and 6) lose F(x_l) and nothing else.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn

from exfuse.models.dap import DenselyAdjacentPrediction
from exfuse.models.ecre import SubPixelUpsampling
from exfuse.models.gcn import BoundaryRefinement, Deconvolution, GlobalConvolution
from exfuse.models.initialisation import fan_scaled_
from exfuse.models.seb import SemanticEmbeddingBranch
from exfuse.spec.model import ModelSpec, Prediction, Upsampling

TOP_LEVEL = 4

LEVEL_AT_STRIDE: dict[int, int | None] = {16: 3, 8: 2, 4: 1, 2: None, 1: None}
"""The level that is added after each doubling, by the stride that the doubling reaches."""


class DecoderOutput(NamedTuple):
    """Class scores at the size of the padded input, and those that the auxiliary loss reads.

    Attributes:
        scores: (N, num_classes, H, W).
        auxiliary: (N, num_classes, H/16, W/16), or ``None`` where the spec has no auxiliary loss.
    """

    scores: torch.Tensor
    auxiliary: torch.Tensor | None


class Decoder(nn.Module):
    """Features of the kept levels to class scores at stride 1.

    Args:
        spec: the network's.
        in_channels: channels of x_l by kept level, in ascending order.
    """

    def __init__(self, spec: ModelSpec, in_channels: Mapping[int, int]) -> None:
        super().__init__()
        options, width = spec.decoder, spec.width
        self.semantic_embedding = nn.ModuleDict()
        if options.semantic_embedding:
            for level in in_channels:
                higher = {other: channels for other, channels in in_channels.items() if other > level}
                if higher:
                    self.semantic_embedding[str(level)] = SemanticEmbeddingBranch(in_channels[level], higher)
        self.gcn = nn.ModuleDict(
            {str(level): GlobalConvolution(n, width, options.gcn_kernel) for level, n in in_channels.items()}
        )
        self.refine_level = nn.ModuleDict({str(level): BoundaryRefinement(width) for level in in_channels})
        self.upsample = nn.ModuleDict({str(stride): Deconvolution(width) for stride in LEVEL_AT_STRIDE})
        if options.upsampling in (Upsampling.SUBPIXEL, Upsampling.ECRE):
            self.upsample["16"] = SubPixelUpsampling(width)
        self.refine_fused = nn.ModuleDict({str(stride): BoundaryRefinement(width) for stride in LEVEL_AT_STRIDE})
        self.predict = _prediction(spec)
        # parameter-free also beside `wide`, whose 1×1 convolution would be a learned layer before the loss
        narrows = options.prediction is not Prediction.PLAIN
        self.auxiliary = DenselyAdjacentPrediction(options.dap_kernel) if narrows else nn.Identity()
        self.supervised = options.supervised

    def forward(self, features: Mapping[int, torch.Tensor]) -> DecoderOutput:
        """Fuses x_l (N, C_l, H/s, W/s) by kept level, s = 4, 8, 16, 32; H and W must be multiples of 32."""
        fused = self._level(TOP_LEVEL, features)
        auxiliary: torch.Tensor | None = None
        for stride, level in LEVEL_AT_STRIDE.items():
            fused = self.upsample[str(stride)](fused)
            if stride == 16 and self.supervised:
                auxiliary = self.auxiliary(fused)
            if level is not None and level in features:
                # into the level's map: the auxiliary loss may read `fused`
                fused = self._level(level, features).add_(fused)
            fused = self.refine_fused[str(stride)](fused)
        return DecoderOutput(self.predict(fused), auxiliary)

    def _level(self, level: int, features: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """BR(GCN(F(x_l, …, x_L))): what a level adds, (N, width, h, w)."""
        own, key = features[level], str(level)
        if key in self.semantic_embedding:
            own = self.semantic_embedding[key](own, features)
        return self.refine_level[key](self.gcn[key](own))


def _prediction(spec: ModelSpec) -> nn.Module:
    """What reads class scores from the last map (Table 5)."""
    match spec.decoder.prediction:
        case Prediction.PLAIN:
            return nn.Identity()
        case Prediction.WIDE:
            return fan_scaled_(nn.Conv2d(spec.width, spec.num_classes, 1))
        case Prediction.DAP:
            return DenselyAdjacentPrediction(spec.decoder.dap_kernel)
