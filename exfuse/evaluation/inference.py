"""Class scores of images, plain and averaged with the mirrored image's (the paper's "flip").

Images are padded at the bottom and right with the image mean to the training size, because a GCN depends on its
input's size. A side somewhat longer than that is padded to the next multiple of 32; a much larger image goes through in
tiles (:mod:`exfuse.evaluation.tiles`). Scores are cropped to the image again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exfuse.data.transforms import mean_pixel, normalize, pad
from exfuse.errors import UserError
from exfuse.evaluation.tiles import score_bands
from exfuse.spec.model import STRIDE

MOST_AT_ONCE = 8
BYTES_AT_ONCE = 128 << 20
"""For the widest maps of one pass."""
MAPS_AT_ONCE = 4
"""Maps of full size that live at the same time: a boundary refinement's input, its two convolutions and their sum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """How images are given to a network.

    Attributes:
        size: side to which images are padded in pixels, and that of tiles: the training size.
        mean: RGB mean in units of 0–1.
        std: RGB standard deviation in units of 0–1.
        batch_size: images or tiles in one pass, at most; it changes the last bits of the scores, so that who compares
            numbers takes one and the same, :func:`images_at_once`.
        device: where the model is.
        workers: loading processes beside this one.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    batch_size: int = MOST_AT_ONCE
    device: torch.device | str = "cpu"
    workers: int = 0


def images_at_once(width: int, size: int) -> int:
    """The batch size that bounds memory, from a decoder's width in channels and the training size alone."""
    image = MAPS_AT_ONCE * 4 * width * size**2
    return max(1, min(MOST_AT_ONCE, BYTES_AT_ONCE // image))


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
    """The side in pixels to which an image's side of ``length`` is padded when the image goes whole."""
    return size if length <= size else -(-length // STRIDE) * STRIDE


def goes_whole(height: int, width: int, size: int) -> bool:
    """Whether an image is given to the network as one: no padded side exceeds 5/4 of the training size."""
    return 4 * max(padded_side(height, size), padded_side(width, size)) <= 5 * size


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
    scores: dict[int, Tensor] = {}
    for place, image in enumerate(images):
        height, width = image.shape[1:]
        if goes_whole(height, width, settings.size):
            padded = padded_side(height, settings.size), padded_side(width, settings.size)
            by_size.setdefault(padded, []).append(place)
        else:
            scores[place] = torch.cat([band.clone() for band in _tiled_bands(model, image, settings)], dim=1)
    for (height, width), places in by_size.items():
        for start in range(0, len(places), settings.batch_size):
            group = places[start : start + settings.batch_size]
            output = _forward(model, [images[place] for place in group], height, width, settings)
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
            scores = [_mean(plain, other) for plain, other in zip(scores, mirrored, strict=True)]
    return scores


def predict_scores(model: nn.Module, image: Tensor, settings: InferenceSettings, flip: bool = False) -> Tensor:
    """:func:`predict_batch` of one image."""
    return predict_batch(model, [image], settings, flip)[0]


def labels_of(scores: Tensor) -> NDArray[np.uint8]:
    """The class with the highest score at every pixel, of equal ones the lowest: (C, H, W) to (H, W).

    Raises:
        UserError: a score is infinite or no number; of such ones the first would win, as if it had been recognised.
    """
    if not scores.isfinite().all():
        raise UserError(
            "the network gives scores that are infinite or no numbers: its weights are damaged, or their training "
            "failed. Fetch or train them again."
        )
    labels: NDArray[np.uint8] = scores.argmax(0).to(torch.uint8).cpu().numpy()
    return labels


def predict_labels(
    model: nn.Module, images: Sequence[Tensor], settings: InferenceSettings, flips: Sequence[bool]
) -> Mapping[bool, list[NDArray[np.uint8]]]:
    """The class with the highest score at every pixel; scores of large images are never held whole.

    Args:
        model: as in :func:`plain_scores`.
        images: uint8 RGB (3, H, W), of any sizes.
        settings: how they are given to the model.
        flips: without, with the mirrored images, or both, which share the plain pass.

    Returns:
        uint8 (H, W) of each image, for each of ``flips``.

    Raises:
        UserError: a score is infinite or no number.
    """
    whole = [place for place, image in enumerate(images) if goes_whole(image.shape[1], image.shape[2], settings.size)]
    labels: dict[bool, dict[int, NDArray[np.uint8]]] = {flip: {} for flip in flips}
    together = [images[place] for place in whole]
    plain = plain_scores(model, together, settings)
    mirrored = mirrored_scores(model, together, settings) if True in flips else []
    for number, place in enumerate(whole):
        for flip in flips:
            labels[flip][place] = labels_of(_mean(plain[number], mirrored[number]) if flip else plain[number])
    for place in set(range(len(images))) - set(whole):
        bands = list(label_bands(model, images[place], settings, flips))
        for flip in flips:
            labels[flip][place] = np.concatenate([band[flip] for band in bands])
    return {flip: [found[place] for place in range(len(images))] for flip, found in labels.items()}


def label_bands(
    model: nn.Module, image: Tensor, settings: InferenceSettings, flips: Sequence[bool]
) -> Iterator[Mapping[bool, NDArray[np.uint8]]]:
    """As :func:`predict_labels`, of one image, a band of rows at a time; an image that goes whole is one band.

    Yields:
        uint8 (rows, W) for each of ``flips``.

    Raises:
        UserError: a score is infinite or no number.
    """
    if goes_whole(image.shape[1], image.shape[2], settings.size):
        found = predict_labels(model, [image], settings, flips)
        yield {flip: found[flip][0] for flip in flips}
        return
    mirrored = _tiled_bands(model, image, settings, mirrored=True) if True in flips else None
    for band in _tiled_bands(model, image, settings):
        labels = {False: labels_of(band)} if False in flips else {}
        if mirrored is not None:
            labels[True] = labels_of(band.add_(next(mirrored)))  # the sum has the mean's highest class
        yield labels


def _mean(plain: Tensor, mirrored: Tensor) -> Tensor:
    return (plain + mirrored) / 2


def _tiled_bands(
    model: nn.Module, image: Tensor, settings: InferenceSettings, mirrored: bool = False
) -> Iterator[Tensor]:
    size = settings.size

    def score(tiles: Sequence[Tensor]) -> Tensor:
        return _forward(model, tiles, size, size, settings)

    return score_bands(image, size, settings.batch_size, score, mirrored=mirrored)


def _forward(
    model: nn.Module, images: Sequence[Tensor], height: int, width: int, settings: InferenceSettings
) -> Tensor:
    """float32 scores (N, C, ``height``, ``width``) of images that are padded to that size."""
    fill = mean_pixel(settings.mean)
    batch = torch.stack([pad(image, height, width, fill) for image in images]).to(settings.device)
    scores: Tensor = model(normalize(batch, settings.mean, settings.std)).scores
    return scores.float()
