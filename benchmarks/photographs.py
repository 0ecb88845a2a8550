"""JPEGs for benchmarks: a folder's, the real archives', or generated ones as large as photographs."""

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from exfuse.data.archives import read_member
from exfuse.data.imagenet import TRAIN_ARCHIVE, VAL_ARCHIVE
from exfuse.data.tars import list_tar

WIDTH, HEIGHT = 500, 375
QUALITY = 95
OCTAVES = 6
NOISE = 13.0


def photograph(generator: np.random.Generator) -> bytes:
    """A JPEG of about 110 kB, as ImageNet's: random texture of all scales, and a sensor's noise."""
    pixels = np.full((HEIGHT, WIDTH, 3), 118.0)
    for octave in range(OCTAVES):
        cell = 2 ** (octave + 2)
        coarse = generator.normal(size=(HEIGHT // cell + 2, WIDTH // cell + 2, 3)) * 30 + 128
        texture = Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize(
            (WIDTH, HEIGHT), Image.Resampling.BICUBIC
        )
        pixels += (np.asarray(texture, dtype=np.float64) - 128) * cell / 32
    pixels += generator.normal(size=(HEIGHT, WIDTH, 1)) * NOISE
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def generated(count: int) -> list[bytes]:
    """``count`` different photographs."""
    generator = np.random.default_rng(0)
    return [photograph(generator) for _ in range(count)]


def of_folder(folder: Path, count: int) -> list[bytes]:
    """The first ``count`` JPEGs below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return [path.read_bytes() for path in files[:count]]


def of_archives(archives: Path, count: int) -> list[bytes]:
    """The first ``count`` images of ImageNet's archives."""
    return list(islice(_members(archives), count))


def _members(archives: Path) -> Iterator[bytes]:
    train, val = archives / TRAIN_ARCHIVE, archives / VAL_ARCHIVE
    for class_tar in list_tar(train):
        for member in list_tar(train, inside=class_tar):
            yield read_member(train, member.offset, member.size)
    for member in list_tar(val):
        yield read_member(val, member.offset, member.size)
