"""What networks cost: parameters, and multiply-accumulate operations (MAC) of a forward pass.

Networks are built on torch's meta device: no weight is drawn and nothing is computed. Operations are those of
convolutions and matrix products as torch counts them; batch norm, sums, products by element, interpolation and
pooling, which papers leave out too, are not among them.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from exfuse.models import build, build_classifier
from exfuse.models.meta import without_values
from exfuse.models.segmenter import Segmenter
from exfuse.models.semantic_supervision import Classifier
from exfuse.spec.graph.inspection import IMAGENET_CLASSES
from exfuse.spec.model import BackboneSpec, ModelSpec

M = TypeVar("M", bound=nn.Module)


def on_meta(make: Callable[[], M]) -> M:
    """A network without storage, in evaluation mode."""
    with without_values():
        return make().eval()


def classifier(spec: BackboneSpec, num_classes: int = IMAGENET_CLASSES) -> Classifier:
    """The network that pretrains a backbone, on the meta device."""
    return on_meta(lambda: build_classifier(spec, num_classes))


def segmenter(spec: ModelSpec) -> Segmenter:
    """A segmentation network, on the meta device."""
    return on_meta(lambda: build(spec))


def parameters(model: nn.Module) -> int:
    """Learned numbers; statistics of batch norms are not among them."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, size: int, channels: int = 3) -> int:
    """Multiply-accumulates of a forward pass of one input (1, ``channels``, ``size``, ``size``).

    Args:
        model: on the meta device.
        size: side of the input, in pixels.
        channels: of the input; 3 for a network that reads images.
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, channels, size, size, device="meta"))
    return int(counter.get_total_flops()) // 2
