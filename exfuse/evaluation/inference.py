"""Class scores of whole images, plain and averaged with the mirrored image's (the paper's "flip").

Images are padded at the bottom and right with the image mean to the training size, because a GCN depends on its
input's size. A side longer than that is padded to the next multiple of 32. Scores are cropped to the image again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exfuse.data.transforms import mean_pixel, normalize, pad
from exfuse.spec.model import STRIDE


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """How images are given to a network.

    Attributes:
        size: side to which images are padded in pixels, the training size.
        mean: RGB mean in units of 0–1.
        std: RGB standard deviation in units of 0–1.
        batch_size: images in one pass, at most; fixed by the caller, since it changes the last bits of the scores.
        device: where the model is.
        workers: loading processes beside this one.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    batch_size: int = 8
    device: torch.device | str = "cpu"
    workers: int = 0


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module is in its own mode again (batch norm may be frozen)."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in modes:
            module.training = training


def padded_side(length: int, size: int) -> int:
    """The side in pixels to which an image's side of ``length`` is padded."""
    return size if length <= size else -(-length // STRIDE) * STRIDE


def plain_scores(model: nn.Module, images: Sequence[Tensor], settings: InferenceSettings) -> list[Tensor]:
    """Class scores before the softmax.

    Args:
        model: gives an object with ``scores`` (N, C, H, W) for float images (N, 3, H, W); in evaluation mode.
        images: uint8 RGB (3, H, W), of any sizes; those of one padded size share a pass.
        settings: how they are given to the model.

    Returns:
        float32 (C, H, W) of each image, on the model's device.
    """
    by_size: dict[tuple[int, int], list[int]] = {}
    for place, image in enumerate(images):
        padded = (padded_side(image.shape[1], settings.size), padded_side(image.shape[2], settings.size))
        by_size.setdefault(padded, []).append(place)
    fill = mean_pixel(settings.mean)
    scores: dict[int, Tensor] = {}
    for (height, width), places in by_size.items():
        for start in range(0, len(places), settings.batch_size):
            group = places[start : start + settings.batch_size]
            batch = torch.stack([pad(images[place], height, width, fill) for place in group]).to(settings.device)
            output = model(normalize(batch, settings.mean, settings.std)).scores.float()
            for place, padded_scores in zip(group, output, strict=True):
                scores[place] = padded_scores[:, : images[place].shape[1], : images[place].shape[2]]
    return [scores[place] for place in range(len(images))]


def mirrored_scores(model: nn.Module, images: Sequence[Tensor], settings: InferenceSettings) -> list[Tensor]:
    """As :func:`plain_scores`, of the mirrored images (mirrored before they are padded), mirrored back."""
    return [scores.flip(2) for scores in plain_scores(model, [image.flip(2) for image in images], settings)]


def predict_batch(
    model: nn.Module, images: Sequence[Tensor], settings: InferenceSettings, flip: bool = False
) -> list[Tensor]:
    """Class scores before the softmax, with ``flip`` the mean of the image's and the mirrored image's.

    Args:
        model: as in :func:`plain_scores`; its mode is left as it was.
        images: uint8 RGB (3, H, W), of any sizes.
        settings: how they are given to the model.
        flip: whether the mirrored images take part.

    Returns:
        float32 (C, H, W) of each image, on the model's device.
    """
    with evaluation_mode(model):
        scores = plain_scores(model, images, settings)
        if flip:
            mirrored = mirrored_scores(model, images, settings)
            scores = [(plain + other) / 2 for plain, other in zip(scores, mirrored, strict=True)]
    return scores


def predict_scores(model: nn.Module, image: Tensor, settings: InferenceSettings, flip: bool = False) -> Tensor:
    """:func:`predict_batch` of one image."""
    return predict_batch(model, [image], settings, flip)[0]


def labels_of(scores: Tensor) -> NDArray[np.uint8]:
    """The class with the highest score at every pixel: (C, H, W) to (H, W)."""
    labels: NDArray[np.uint8] = scores.argmax(0).to(torch.uint8).cpu().numpy()
    return labels
