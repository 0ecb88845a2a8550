"""A data set as a user has it: street-like pictures of 480×360 with twelve classes, lists, and a value to ignore."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist", "lane",
)  # fmt: skip
SIZE = (480, 360)
IGNORED = 77


@dataclass
class OwnFolder:
    """Where it lies, and the ids of each split."""

    root: Path
    ids: dict[str, list[str]] = field(default_factory=dict)


def labels(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """(H, W): vertical stripes of all classes in a random order, below them a strip to ignore."""
    width, height = size
    order = np.random.default_rng(seed).permutation(len(CLASSES)).astype(np.uint8)
    mask = np.repeat(np.resize(np.repeat(order, -(-width // len(order))), width)[None], height, axis=0).copy()
    mask[height - height // 20 :] = IGNORED
    return mask


def picture(mask: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """(H, W, 3): each class in a colour of its own, with noise."""
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    noise = np.random.default_rng(seed).normal(0, 12, (*mask.shape, 3))
    return (colours[mask] + noise).clip(0, 255).astype(np.uint8)


def write_own_folder(root: Path, train: int = 6, val: int = 3) -> OwnFolder:
    """Image and mask folders with lists of ids; the pictures are JPEGs, one is a 16-bit greyscale PNG."""
    found = OwnFolder(root)
    for place in ("images", "masks"):
        (root / place).mkdir(parents=True)
    for split, count in (("train", train), ("val", val)):
        found.ids[split] = [f"{split}_{number:03}" for number in range(count)]
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in found.ids[split]))
        for number, name in enumerate(found.ids[split]):
            mask = labels(number)
            Image.fromarray(mask).save(root / "masks" / f"{name}.png")
            pixels = picture(mask, number)
            if (split, number) == ("train", 0):
                Image.fromarray(pixels[..., 0].astype(np.uint16) * 16).save(root / "images" / f"{name}.png")
            else:
                Image.fromarray(pixels).save(root / "images" / f"{name}.jpg", quality=90)
    return found


def folder_entry() -> dict[str, object]:
    """The entry of such a folder in ``params/datasets.yaml``."""
    return {
        "title": "streets",
        "own": {
            "images": "images",
            "masks": "masks",
            "lists": {"train": "train.txt", "val": "val.txt"},
            "classes": list(CLASSES),
            "ignore": [IGNORED],
            "white": 4095,
        },
    }
