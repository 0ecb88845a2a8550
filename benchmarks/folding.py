"""Batch norm folded into the convolutions before it: the same function for prediction, with fewer passes over memory.

In evaluation mode batch norm is an affine function of each channel, which a convolution can apply by itself. The
results differ in their last bits from those of the network that was trained, and the folded network cannot be trained.
"""

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

M = TypeVar("M", bound=nn.Module)


def folded(model: M) -> M:
    """A copy in evaluation mode in which every batch norm is part of its convolution.

    Args:
        model: a segmenter, a classifier or another network of post-activation blocks; it is not changed.

    Raises:
        ValueError: a batch norm follows no convolution of the same module.
    """
    model = copy.deepcopy(model).eval()  # only what is in evaluation mode may be fused
    for parent in list(model.modules()):
        for convolution, norm in list(_pairs(parent)):
            setattr(parent, convolution, fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, norm)))
            setattr(parent, norm, nn.Identity())
    left = [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    if left:
        raise ValueError(f"cannot fold {left[0]}: no convolution is known to come directly before it")
    return model.eval()


def _pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of a convolution and of the norm that reads it: ``convK`` and ``bnK``, or neighbours in a sequence."""
    children = dict(parent.named_children())
    if isinstance(parent, nn.Sequential):
        candidates = list(pairwise(children))
    else:
        candidates = [(name, name.replace("conv", "bn", 1)) for name in children if name.startswith("conv")]
    for convolution, norm in candidates:
        if isinstance(children[convolution], nn.Conv2d) and isinstance(children.get(norm), nn.BatchNorm2d):
            yield convolution, norm
