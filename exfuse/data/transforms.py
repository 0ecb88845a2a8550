"""What happens to an image between its file and the network: padding, cropping, flipping, normalisation.

GCN §4 (which ExFuse §4 follows) names mean subtraction, horizontal flips and padding to the training size, and no
other augmentation. Classification uses the usual recipe of ResNet and ResNeXt. Everything stays uint8 until
:func:`normalize`, which runs on the device of the model, and channels last in memory, as it is decoded and as the
networks take it: no step changes the layout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from exfuse.data.labels import IGNORE_INDEX

ASPECT_RATIOS = (3 / 4, 4 / 3)
CROP_ATTEMPTS = 10


def mean_pixel(mean: Sequence[float]) -> Tensor:
    """The image mean as a uint8 pixel (3, 1, 1), the fill of padding; ``mean`` is RGB in units of 0–1.

    Rounding leaves at most half a grey level, so after :func:`normalize` padding is zero to within 0.01.
    """
    return torch.tensor([round(255 * channel) for channel in mean], dtype=torch.uint8).reshape(3, 1, 1)


def pad(image: Tensor, height: int, width: int, fill: Tensor) -> Tensor:
    """Pads an image (3, H, W) at the bottom and right to (3, ``height``, ``width``); ``fill`` is a pixel (3, 1, 1)."""
    row = fill.flatten().repeat(width)  # whole rows are copied ten times as fast as single pixels
    padded = row.expand(height, -1).clone(memory_format=torch.contiguous_format).reshape(height, width, 3)
    padded[: image.shape[1], : image.shape[2]] = image.permute(1, 2, 0)
    return padded.permute(2, 0, 1)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # what an evaluation leaves in the cache must serve training too
def _scale_and_shift(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Kept on the device, because a copy from the host at every step would wait for the device."""
    deviation = torch.tensor(std, dtype=torch.float64)
    scale = 1 / (255 * deviation)
    shift = -torch.tensor(mean, dtype=torch.float64) / deviation
    return scale.float().reshape(3, 1, 1).to(device), shift.float().reshape(3, 1, 1).to(device)


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x / 255 − mean) / std as float32, on the device of ``images``.

    Args:
        images: uint8 RGB, (N, 3, H, W) or (3, H, W).
        mean: RGB mean in units of 0–1.
        std: RGB standard deviation in units of 0–1.
    """
    scale, shift = _scale_and_shift(tuple(mean), tuple(std), images.device)
    return images.float().mul_(scale).add_(shift)


def flip_and_crop(
    image: Tensor, mask: Tensor, size: int, fill: Tensor, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Training sample for segmentation: flipped with probability ½, cropped at random, padded; image and mask alike.

    Args:
        image: uint8 (3, H, W).
        mask: uint8 (H, W).
        size: side of the result in pixels; a longer side is cropped, a shorter one padded at the bottom or right.
        fill: pixel for the padding of the image, uint8 (3, 1, 1); the mask is padded with 255.
        generator: what decides.

    Returns:
        image (3, size, size) and mask (size, size).
    """
    height, width = mask.shape
    flipped = generator.random() < 0.5
    top = int(generator.integers(max(height - size, 0) + 1))
    left = int(generator.integers(max(width - size, 0) + 1))
    image = image[:, top : top + size, left : left + size]
    mask = mask[top : top + size, left : left + size]
    if flipped:
        image, mask = image.flip(2), mask.flip(1)
    padded_mask = torch.full((size, size), IGNORE_INDEX, dtype=torch.uint8)
    padded_mask[: mask.shape[0], : mask.shape[1]] = mask
    return pad(image, size, size, fill), padded_mask


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Bilinear with antialiasing, in uint8: (3, H, W) to (3, ``height``, ``width``)."""
    batch = image.permute(1, 2, 0)[None].permute(0, 3, 1, 2)  # so torch sees channels last, and keeps to it
    return functional.interpolate(batch, (height, width), mode="bilinear", antialias=True, align_corners=False)[0]


@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    """Training sample for classification: a random window, resized to a square, flipped with probability ½.

    Attributes:
        size: side of the result in pixels.
        min_area: smallest share of the image's area that the window covers; the largest is 1.
    """

    size: int
    min_area: float

    def __call__(self, image: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (3, H, W) to uint8 (3, size, size)."""
        top, left, height, width = self.window(image.shape[1], image.shape[2], generator)
        image = resize(image[:, top : top + height, left : left + width], self.size, self.size)
        return image.flip(2) if generator.random() < 0.5 else image

    def window(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int, int, int]:
        """Top, left, height, width of the window: area uniform, aspect ratio log-uniform in 3/4 … 4/3.

        Where no draw fits, the largest centred window whose ratio is in that range.
        """
        lowest, highest = ASPECT_RATIOS
        for _ in range(CROP_ATTEMPTS):
            area = height * width * generator.uniform(self.min_area, 1)
            ratio = math.exp(generator.uniform(math.log(lowest), math.log(highest)))
            rows, columns = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < rows <= height and 0 < columns <= width:
                top, left = generator.integers([height - rows + 1, width - columns + 1])
                return int(top), int(left), rows, columns
        rows = min(height, round(width / lowest))
        columns = min(width, round(height * highest))
        return (height - rows) // 2, (width - columns) // 2, rows, columns


@dataclass(frozen=True, slots=True)
class CentreCrop:
    """Evaluation sample for classification: the shorter side resized, the centre cropped.

    Attributes:
        resize: length of the shorter side before the crop, in pixels.
        size: side of the crop in pixels, at most ``resize``.
    """

    resize: int
    size: int

    def __post_init__(self) -> None:
        if self.size > self.resize:
            raise ValueError(f"a crop of {self.size} pixels does not fit into a side of {self.resize}")

    def __call__(self, image: Tensor, generator: np.random.Generator | None = None) -> Tensor:
        """uint8 (3, H, W) to uint8 (3, size, size); nothing is random."""
        height, width = image.shape[1:]
        shorter = min(height, width)
        height, width = self.resize * height // shorter, self.resize * width // shorter
        image = resize(image, height, width)
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return image[:, top : top + self.size, left : left + self.size]
