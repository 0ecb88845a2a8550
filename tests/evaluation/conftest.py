"""Prepared data for evaluations: small images whose red channel tells a fake model what to predict."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.data.sets import SET_COLUMNS
from exfuse.files import write_csv

Write = Callable[[dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]], Path]


@pytest.fixture
def write_set_of(tmp_path: Path) -> Write:
    """Writes a set of images and VOC masks by id, losslessly, and returns its table; paths are beside it."""

    def write(samples: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Path:
        rows = []
        for name, (image, labels) in samples.items():
            Image.fromarray(image).save(tmp_path / f"{name}.jpg", "PNG")
            mask = Image.fromarray(labels)
            mask.putpalette(voc_palette())
            mask.save(tmp_path / f"{name}.png")
            row = {"id": name, "source": "voc", "image": f"{name}.jpg", "mask": f"{name}.png", "classes": ""}
            rows.append(row | {"width": str(labels.shape[1]), "height": str(labels.shape[0])})
        write_csv(tmp_path / "set.csv", SET_COLUMNS, rows)
        return tmp_path / "set.csv"

    return write
