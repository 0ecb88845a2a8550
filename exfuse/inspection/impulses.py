"""How layers without parameters move what they read: a one is put into a channel, and where it comes out is noted."""

import torch
from torch import nn

from exfuse.models.dap import DenselyAdjacentPrediction
from exfuse.models.ecre import SubPixelUpsampling
from exfuse.models.segmenter import Segmenter
from exfuse.spec.architecture import Impulse, Impulses


def dap_impulses(model: Segmenter) -> Impulses | None:
    """Of the DAP that ends a network (Equation 3, Figure 6), for every channel of its input.

    Returns:
        None where the network ends without DAP.
    """
    layer = model.decoder.predict
    if not isinstance(layer, DenselyAdjacentPrediction):
        return None
    channels = layer.kernel**2 * model.spec.num_classes
    side = 2 * layer.kernel + 1  # large enough that nothing leaves the map
    found = [impulse for channel in range(channels) for impulse in _respond(layer, channel, channels, side)]
    return Impulses(module="decoder.predict", channels=channels, kernel=layer.kernel, found=tuple(found))


def shuffle_impulses(model: Segmenter) -> Impulses | None:
    """Of the rearrangement that follows ECRE's convolution (Figure 5), for the channels of the first output channel.

    Returns:
        None where the first upsampling of the network is a deconvolution.
    """
    upsampling = model.decoder.upsample["16"]
    if not isinstance(upsampling, SubPixelUpsampling):
        return None
    factor, channels = upsampling.shuffle.upscale_factor, upsampling.conv.out_channels
    found = [impulse for channel in range(factor**2) for impulse in _respond(upsampling.shuffle, channel, channels, 1)]
    return Impulses(module="decoder.upsample.16.shuffle", channels=channels, kernel=factor, found=tuple(found))


@torch.inference_mode()
def _respond(layer: nn.Module, channel: int, channels: int, side: int) -> list[Impulse]:
    """Where a one in the middle of a map of ``side`` × ``side`` comes out."""
    maps = torch.zeros(1, channels, side, side)
    maps[0, channel, side // 2, side // 2] = 1.0
    response = layer(maps)[0]
    return [
        Impulse(
            channel=channel,
            target=target,
            row=row - side // 2,
            column=column - side // 2,
            weight=float(response[target, row, column]),
        )
        for target, row, column in response.nonzero().tolist()
    ]
