"""The networks that are exported, alive in every part, and images for them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from exfuse.models.weights import save_weights
from exfuse.spec.weights import SegmenterInfo
from tests.networks import backbone, exfuse, gcn
from tests.trained import describe, network

BACKBONES = {
    "gcn": backbone(blocks=(1, 1, 1, 1)),
    "exfuse": backbone(blocks=(1, 1, 1, 1), squeeze_excitation=True),
}
MODELS = {"gcn": gcn(), "exfuse": exfuse()}
SIZES = {"gcn": 64, "exfuse": 128}
"""Training sizes. 5/4 of 64 is no larger multiple of 32; of 128 it is 160, the largest side that goes whole."""


def info_of(name: str, size: int | None = None) -> SegmenterInfo:
    """What a file of ``gcn``, or of ``exfuse`` with every switch, says of itself; ``size`` replaces its own."""
    model = MODELS[name].model_copy(update={"backbone": BACKBONES[name]})
    return describe(title="a small “network”", model=model, size=size or SIZES[name], scores=None)


def write_network(target: Path, info: SegmenterInfo) -> Path:
    """Random weights away from where a network starts: there, some branches are almost nothing."""
    model = network(info)
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    save_weights(target, model.state_dict(), info)
    return target


def photographs(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Patches of colour, uint8 (N, 3, H, W)."""
    patches = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(height * width))
    return (255 * F.interpolate(patches, (height, width))).byte().numpy()
