"""Objects of a set of images, and how much of each was found: connected regions of a class in the ground truth."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from exfuse.data.labels import IGNORE_INDEX
from exfuse.reporting.damage import CUT

NEIGHBOURS = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong together."""
Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of a set, image by image.

    Attributes:
        image: (M,) place of each object's image in the set.
        area: (M,) its share of the image's pixels, 0–1.
        found: (M,) share of its pixels that were given its class, 0–1, by what predicted.
        problems: predictions and images that could not be read, in words.
    """

    image: NDArray[np.int64]
    area: NDArray[np.float64]
    found: dict[Path, NDArray[np.float64]]
    problems: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Regions:
    """The connected regions of each class in an image; background and void are none.

    Attributes:
        places: (P,) where their pixels lie in the flattened image.
        labels: (P,) the class of each pixel.
        numbers: (P,) the region of each pixel, from 0.
        sizes: (R,) pixels of each region.
    """

    places: NDArray[np.int64]
    labels: Labels
    numbers: NDArray[np.int32]
    sizes: NDArray[np.int64]

    def found(self, prediction: Labels) -> NDArray[np.float64]:
        """(R,) share of each region's pixels that were given its class."""
        right = prediction.ravel()[self.places] == self.labels
        return np.bincount(self.numbers[right], minlength=len(self.sizes)) / self.sizes


def regions(truth: Labels) -> Regions:
    """The regions of an image of labels (H, W)."""
    numbers = np.zeros(truth.shape, np.int32)
    count = 0
    for label in np.unique(truth):
        if label not in (0, IGNORE_INDEX):
            of_class, found = ndimage.label(truth == label, structure=NEIGHBOURS)
            np.copyto(numbers, of_class + count, where=of_class > 0, casting="unsafe")
            count += int(found)
    places = np.flatnonzero(numbers)
    kept = numbers.ravel()[places] - 1
    return Regions(places, truth.ravel()[places], kept, np.bincount(kept, minlength=count))


def measure(images: Iterable[tuple[str, Labels | None]], archives: Sequence[Path]) -> Objects:
    """How much of each object several evaluations found; one image is held at a time.

    Args:
        images: id and ground truth of each, restricted to the classes that count; none where it cannot be read.
        archives: zips of label images by id. One that lacks an image, or holds one of another size, is left out whole:
            evaluations are compared on equal objects.
    """
    image: list[int] = []
    area: list[float] = []  # not arrays: small ones that stay between large ones that go keep the memory of both
    found: dict[Path, list[float]] = {}
    problems: list[str] = []
    with ExitStack() as stack:
        opened = {}
        for path in archives:
            try:
                opened[path] = stack.enter_context(zipfile.ZipFile(path))
                found[path] = []
            except CUT:
                problems.append(f"{path}: not there, or no archive")
        for place, (name, truth) in enumerate(images):
            if truth is None:
                problems.append(f"{name}: its ground truth cannot be read; the image is left out")
                continue
            objects = regions(truth)
            image += [place] * len(objects.sizes)
            area += (objects.sizes / truth.size).tolist()
            for path in list(found):
                try:
                    found[path] += objects.found(_prediction(opened[path], name, truth.shape)).tolist()
                except CUT as error:
                    problems.append(f"{path}: prediction of {name} cannot be used ({error})")
                    del found[path]
    shares = {path: np.array(values) for path, values in found.items()}
    return Objects(np.array(image, np.int64), np.array(area), shares, tuple(problems))


def read_labels(source: Path | io.BytesIO) -> Labels:
    """The indices of a palette image, (H, W).

    Raises:
        OSError: it is not there, damaged, or no image of labels.
    """
    with Image.open(source) as image:
        if image.mode not in ("P", "L"):
            raise OSError(f"a mask of mode {image.mode}")
        return np.asarray(image, dtype=np.uint8)


def _prediction(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> Labels:
    labels = read_labels(io.BytesIO(archive.read(f"{name}.png")))
    if labels.shape != shape:
        raise ValueError(f"it is {labels.shape[1]}×{labels.shape[0]} pixels, not {shape[1]}×{shape[0]}")
    return labels
