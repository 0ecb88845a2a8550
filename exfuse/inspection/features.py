"""The feature maps that §1 and Equations 1 and 2 speak of, read from the modules of a network while it runs.

======= ==============================================================================================
image   the pixels themselves, each 4×4 block as the channels of one cell: what there is before any feature
encoder x_l, what the decoder reads: a stage's tail, or SS's second convolution
added   F(x_l, …, x_L), what a level brings to the sum: after SEB, GCN and boundary refinement
fused   y_l, what the decoder carries on: the sum after its boundary refinement; y_4 is F(x_4)
======= ==============================================================================================
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from exfuse.evaluation.inference import InferenceSettings, plain_scores
from exfuse.models.decoder import LEVEL_AT_STRIDE, TOP_LEVEL
from exfuse.models.segmenter import Segmenter
from exfuse.spec.graph.inspection import PROBED_GRID

FINEST = PROBED_GRID
"""Stride of level 1: pixels to a cell of the finest features."""

Kind = Literal["image", "encoder", "added", "fused"]
Place = tuple[Kind, int]
"""Which features, and of which level; pixels count as level 0."""
Maps = dict[Place, Tensor]


class Window(NamedTuple):
    """What a network saw at once: an image, or a piece of one that is larger than the training size.

    Attributes:
        image: number of the image.
        mask: uint8 (H, W).
        maps: (C, h, w) by place, of the window padded to the training size, on the network's device.
    """

    image: int
    mask: Tensor
    maps: Maps


@contextmanager
def tapped(model: Segmenter) -> Iterator[Maps]:
    """A dictionary that holds the feature maps (N, C, h, w) of the network's latest forward pass.

    They are copies, since sums in the network take the place of what is added.
    """
    maps: Maps = {}

    def keep_images(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        maps["image", 0] = F.pixel_unshuffle(inputs[0], FINEST)

    def keep_read(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        maps.update({("encoder", level): read.clone() for level, read in inputs[0].items()})

    def keep_as(*places: Place) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _, inputs, output: maps.update(dict.fromkeys(places, output.clone()))

    decoder = model.decoder
    hooks = [model.register_forward_pre_hook(keep_images), decoder.register_forward_pre_hook(keep_read)]
    for key, module in decoder.refine_level.items():
        level = int(key)
        places: list[Place] = [("added", level)]
        if level == TOP_LEVEL:
            places.append(("fused", level))
        hooks.append(module.register_forward_hook(keep_as(*places)))
    for stride, fused in LEVEL_AT_STRIDE.items():
        if fused is not None and str(fused) in decoder.refine_level:
            hooks.append(decoder.refine_fused[str(stride)].register_forward_hook(keep_as(("fused", fused))))
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def read_features(
    model: Segmenter, maps: Maps, samples: Iterable[tuple[Tensor, Tensor]], settings: InferenceSettings
) -> Iterator[Window]:
    """Runs a network on images and gives what :func:`tapped` held of each.

    Args:
        model: in evaluation mode, and tapped.
        maps: the dictionary of the tapped network.
        samples: images uint8 RGB (3, H, W) and masks uint8 (H, W).
        settings: how images are given to the network.
    """
    pieces = _pieces(samples, settings.size)
    while group := list(islice(pieces, settings.batch_size)):
        plain_scores(model, [piece for _, piece, _ in group], settings)
        for place, (number, _, mask) in enumerate(group):
            yield Window(number, mask, {key: whole[place] for key, whole in maps.items()})


def _pieces(samples: Iterable[tuple[Tensor, Tensor]], size: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Number, image and mask of windows of at most ``size`` side by side, from the top left."""
    for number, (image, mask) in enumerate(samples):
        for top in range(0, mask.shape[0], size):
            for left in range(0, mask.shape[1], size):
                window = slice(top, top + size), slice(left, left + size)
                yield number, image[:, *window], mask[window]
