"""The encoder: timm's bottleneck ``ResNet`` (Apache-2.0), res-2 … res-5 of Figure 2 as its four levels.

One class covers ResNet 50/101, ResNeXt 101 (32×4d), its rearrangement {8, 8, 9, 8} (§3.1) and ResNeXt 131 with
squeeze-and-excitation (§4). The state dict has timm's very keys, so public ImageNet weights load strictly.
"""

from typing import Any

import torch
from timm.models.resnet import Bottleneck, ResNet, make_blocks
from torch import nn

from exfuse.spec.model import BackboneSpec

TIMM_STEM_WIDTH = 64


class Backbone(ResNet):
    """timm's ResNet with the levels of the paper.

    Called, it gives class logits (N, num_classes); with ``num_classes=0`` it has no ``fc`` and gives the pooled
    features. Initialised as timm does: He normal, the last batch norm of each residual branch at zero.

    Attributes:
        out_channels: channels of the four levels.
    """

    def __init__(self, spec: BackboneSpec, num_classes: int = 0) -> None:
        block_args: dict[str, Any] = {"attn_layer": "se"} if spec.squeeze_excitation else {}
        super().__init__(
            Bottleneck,  # type: ignore[arg-type]  # timm's annotation asks for an instance
            spec.blocks,
            num_classes=num_classes,
            cardinality=spec.cardinality,
            base_width=spec.base_width,
            stem_width=spec.stem_width,
            channels=spec.channels,
            block_args=block_args,
        )
        self.out_channels = spec.out_channels
        if spec.stem_width != TIMM_STEM_WIDTH:
            self._narrow_stem(spec, block_args)

    def _narrow_stem(self, spec: BackboneSpec, block_args: dict[str, Any]) -> None:
        """Rebuilds the stem and what reads it: timm's plain stem has 64 channels whatever ``stem_width`` says."""
        self.add_module("conv1", nn.Conv2d(3, spec.stem_width, 7, stride=2, padding=3, bias=False))
        self.bn1 = nn.BatchNorm2d(spec.stem_width)
        stages, _ = make_blocks(
            (Bottleneck,) * len(spec.blocks),
            spec.channels,
            spec.blocks,
            spec.stem_width,
            cardinality=spec.cardinality,
            base_width=spec.base_width,
            act_layer=nn.ReLU,
            norm_layer=nn.BatchNorm2d,
            **block_args,
        )
        for name, stage in stages:
            self.add_module(name, stage)
        self.feature_info[0]["num_chs"] = spec.stem_width
        self.init_weights()

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The tails of res-2 … res-5.

        Args:
            images: (N, 3, H, W), normalised.

        Returns:
            Four maps (N, out_channels[l], H/s, W/s) at strides s = 4, 8, 16, 32 (sizes rounded up).
        """
        # timm counts the stem as 0, so its stages have the paper's numbers
        _, (first, second, third, fourth) = self.forward_intermediates(images, indices=[1, 2, 3, 4])
        return first, second, third, fourth

    def classify(self, top: torch.Tensor) -> torch.Tensor:
        """Class logits (N, num_classes) from the top-most map (N, C, h, w)."""
        return self.forward_head(top)
