"""Members of archives as the publishers ship them, of a few bytes each: for the benchmarks, and for the tests."""

import io
from typing import Any

import numpy as np
import scipy.io
from PIL import Image


def png(pixels: np.ndarray, mode: str = "P") -> bytes:
    """A mask of VOC: a palette PNG whose indices are the labels; of another mode, one that VOC would not ship."""
    image = Image.fromarray(pixels)
    if mode == "P":
        image.putpalette(bytes(range(256)) * 3)
    else:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mat(**variables: Any) -> bytes:
    """A MATLAB file of SBD or of ImageNet's devkit."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables)
    return buffer.getvalue()


def coco_name(year: str, split: str, number: int) -> str:
    """File name of COCO's image of a number."""
    return f"{'COCO_train2014_' if (year, split) == ('2014', 'train') else ''}{number:012}.jpg"


def synset(ilsvrc_id: int, wnid: str, children: int = 0) -> dict[str, Any]:
    """A row of the devkit's table of classes."""
    return {
        "ILSVRC2012_ID": ilsvrc_id,
        "WNID": wnid,
        "words": f"words of {wnid}",
        "num_children": children,
    }
