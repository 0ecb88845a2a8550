"""Small networks with every option of the paper, for all tests: each part is there, and none is large."""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec

M = TypeVar("M", bound=nn.Module)

CLASSES = 3
EXFUSE: Mapping[str, Any] = {
    "tap": "ss-convolution", "upsampling": "ecre", "semantic_embedding": True, "prediction": "dap",
}  # fmt: skip
"""All five parts, as options of a decoder."""


def backbone(**options: Any) -> BackboneSpec:
    """A narrow ResNeXt whose levels have 16, 16, 24 and 32 channels and whose heads have half as many."""
    numbers = {
        "blocks": (1, 1, 2, 1), "channels": (4, 4, 6, 8), "stem_width": 8, "cardinality": 2, "base_width": 32,
        "semantic_supervision": SemanticSupervisionSpec(width_ratio=0.5),
    }  # fmt: skip
    return BackboneSpec(**(numbers | options))


def gcn(**options: Any) -> ModelSpec:
    """GCN on that backbone, but for the decoder's options that are given."""
    return ModelSpec(backbone=backbone(), decoder=DecoderSpec(**({"gcn_kernel": 5} | options)), num_classes=CLASSES)


def exfuse(**options: Any) -> ModelSpec:
    """ExFuse on that backbone, but for the decoder's options that are given."""
    return gcn(**{**EXFUSE, **options})


def enliven(model: M) -> M:
    """Gives batch norms random weights and statistics: some start at zero, which hides whole branches."""
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
