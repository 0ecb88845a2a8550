"""Small networks that are alive in every part, and images for them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from exfuse.models import build
from exfuse.models.weights import save_weights
from exfuse.spec.model import (
    BackboneSpec,
    DecoderSpec,
    ModelSpec,
    Prediction,
    SemanticSupervisionSpec,
    Tap,
    Upsampling,
)
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import Origin, SegmenterInfo

DECODERS = {
    "gcn": DecoderSpec(gcn_kernel=5),
    "exfuse": DecoderSpec(
        gcn_kernel=5,
        tap=Tap.SS_CONVOLUTION,
        upsampling=Upsampling.ECRE,
        semantic_embedding=True,
        prediction=Prediction.DAP,
    ),
}

SIZES = {"gcn": 64, "exfuse": 128}
"""Training sizes. 5/4 of 64 is no larger multiple of 32; of 128 it is 160, the largest side that goes whole."""


def info_of(network: str, size: int | None = None) -> SegmenterInfo:
    """What a file of ``gcn``, or of ``exfuse`` with every switch, says of itself; ``size`` replaces its own."""
    decoder = DECODERS[network]
    backbone = BackboneSpec(
        blocks=(1, 1, 1, 1),
        channels=(4, 4, 6, 8),
        stem_width=8,
        cardinality=2,
        base_width=32,
        squeeze_excitation=decoder.semantic_embedding,
        semantic_supervision=SemanticSupervisionSpec(width_ratio=0.5),
    )
    return SegmenterInfo(
        title="a small “network”",
        model=ModelSpec(backbone=backbone, decoder=decoder, num_classes=3),
        classes=("background", "chair", "potted plant"),
        labels=(0, 9, 16),
        size=size or SIZES[network],
        normalization=Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        scores=None,
        origin=Origin(job="runs/small/seed0/trainaug", key="abc", preset="none", data="none", code="none"),
    )


def write_network(target: Path, info: SegmenterInfo) -> Path:
    """Random weights and statistics, away from where a network starts: there, some branches are almost nothing."""
    model = build(info.model)
    generator = torch.Generator().manual_seed(3)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor += torch.rand(tensor.shape, generator=generator)
        elif tensor.is_floating_point():
            tensor += 0.1 * torch.randn(tensor.shape, generator=generator)
    save_weights(target, state, info)
    return target


def photographs(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Patches of colour, uint8 (N, 3, H, W)."""
    patches = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(height * width))
    return (255 * F.interpolate(patches, (height, width))).byte().numpy()
