"""Small networks with every option of the paper."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec

CLASSES = 3

SpecMaker = Callable[..., ModelSpec]
Enliven = Callable[[nn.Module], nn.Module]

EXFUSE: dict[str, Any] = {
    "tap": "ss-convolution", "upsampling": "ecre", "semantic_embedding": True, "prediction": "dap",
}  # fmt: skip
"""All five parts."""

RESNET_50 = BackboneSpec(blocks=(3, 4, 6, 3))
RESNET_101 = BackboneSpec(blocks=(3, 4, 23, 3))
RESNEXT_101 = BackboneSpec(blocks=(3, 4, 23, 3), cardinality=32, base_width=4)
REARRANGED = RESNEXT_101.model_copy(update={"blocks": (8, 8, 9, 8)})
RESNEXT_131 = RESNEXT_101.model_copy(update={"blocks": (8, 8, 19, 8), "squeeze_excitation": True})
"""Encoders at the paper's size."""

SUBSETS = [(4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]
"""Levels of Tables 1 and 6."""


@pytest.fixture
def backbone_spec() -> BackboneSpec:
    """A narrow ResNeXt with semantic supervision whose convolutions are half as wide as their stages."""
    return BackboneSpec(
        blocks=(1, 1, 2, 1),
        channels=(4, 4, 6, 8),
        stem_width=8,
        cardinality=2,
        base_width=32,
        semantic_supervision=SemanticSupervisionSpec(width_ratio=0.5),
    )


@pytest.fixture
def model_spec(backbone_spec: BackboneSpec) -> SpecMaker:
    """Builds the spec of a small network from decoder options."""

    def make(**options: Any) -> ModelSpec:
        return ModelSpec(
            backbone=backbone_spec, decoder=DecoderSpec(**{"gcn_kernel": 5, **options}), num_classes=CLASSES
        )

    return make


@pytest.fixture
def enliven() -> Enliven:
    """Gives batch norms random weights and statistics: timm starts some at zero, which hides whole branches."""

    def change(model: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(7)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight.data, module.running_var):
                    assert tensor is not None
                    tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
                for tensor in (module.bias.data, module.running_mean):
                    assert tensor is not None
                    tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)
        return model

    return change
