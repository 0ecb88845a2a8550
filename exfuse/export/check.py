"""Whether an exported file does what the network does: both run on the same images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from exfuse.errors import UserError
from exfuse.export.network import Size

TOLERANCE = 1e-4
"""Of a score, as a share of the largest; sums in another order make about a hundredth of it."""
PIXEL_TOLERANCE = 1e-3
"""Share of pixels with another class: where two scores are equal but for that."""
COARSE = 6
"""Patches of colour along a side of an image for the check."""
GRAIN = 0.2


@dataclass(frozen=True, slots=True)
class Differences:
    """Of an exported file from the network that it was made of, the worst of all images.

    Attributes:
        relative: largest difference of a score, as a share of the largest score of the batch.
        changed: pixels with another class.
        pixels: pixels that were compared.
    """

    relative: float
    changed: int
    pixels: int

    @property
    def tolerable(self) -> bool:
        """Whether they are those of floating point."""
        return self.relative <= TOLERANCE and self.changed <= PIXEL_TOLERANCE * self.pixels

    def __str__(self) -> str:
        return (
            f"scores differ by at most {self.relative:.1e} of the largest, "
            f"the class in {self.changed:,} of {self.pixels:,} pixels"
        )


def compare(
    program: Callable[[Tensor], Tensor], network: Callable[[Tensor], Tensor], batches: Iterator[Tensor]
) -> Differences:
    """Runs both.

    Args:
        program: the exported file.
        network: what it should equal.
        batches: uint8 images (N, 3, H, W).

    Raises:
        UserError: the network's own scores are no numbers, which is no file's fault.
    """
    relative, changed, pixels = 0.0, 0, 0
    for images in batches:
        expected, scores = network(images), program(images)
        if not expected.isfinite().all():
            raise UserError(
                "the network itself gives scores that are infinite or no numbers, so no file is written. Use other "
                "weights: these are damaged, or their training failed."
            )
        if scores.shape != expected.shape or not scores.isfinite().all():
            relative = float("inf")
            continue
        scale = expected.abs().amax().clamp(min=torch.finfo(expected.dtype).tiny)
        relative = max(relative, float((scores - expected).abs().amax() / scale))
        different = scores.argmax(1) != expected.argmax(1)
        changed, pixels = changed + int(different.sum()), pixels + different.numel()
    return Differences(relative, changed, pixels)


def check_batches(size: Size | None, training_size: int, largest: int) -> Iterator[Tensor]:
    """Images for the check, the same at every call: one alone and two at once.

    Args:
        size: of the images that the program takes; none: any up to ``largest``, and the smaller ones that are padded
            and the largest are among them.
        training_size: side in pixels.
        largest: side in pixels.
    """
    generator = torch.Generator().manual_seed(0)
    if size is None:
        shapes = [(1, training_size, largest), (2, training_size * 3 // 4 + 1, training_size // 2 + 1)]
    else:
        shapes = [(1, *size), (2, *size)]
    for count, height, width in shapes:
        patches = F.interpolate(torch.rand(count, 3, COARSE, COARSE, generator=generator), (height, width))
        grain = GRAIN * (torch.rand(count, 3, height, width, generator=generator) - 0.5)
        yield (255 * (patches + grain).clamp(0, 1)).to(torch.uint8)
