"""Photographs of noise in the current folder, beside weights, and what should come of them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import exfuse

WEIGHTS = "weights.safetensors"


def pixels(height: int = 40, width: int = 50, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def photo(path: str, height: int = 40, width: int = 50, seed: int = 0) -> NDArray[np.uint8]:
    """Writes a photograph without loss, whatever its name says."""
    image = pixels(height, width, seed)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "PNG")
    return image


def expected(image: NDArray[np.uint8], flip: bool = False) -> NDArray[np.uint8]:
    """The labels by the public function for Python."""
    return exfuse.load(WEIGHTS).labels(torch.from_numpy(image).permute(2, 0, 1)[None], flip)[0].numpy()


def files(below: str = ".") -> set[str]:
    return {str(path.relative_to(below)) for path in Path(below).rglob("*") if path.is_file()} - {WEIGHTS}
