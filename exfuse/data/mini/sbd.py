"""SBD's ``benchmark.tgz``: VOC's pictures with class maps and boundaries in MATLAB files, no void line."""

import numpy as np
import scipy.sparse

from exfuse.data.labels import VOC_CLASSES
from exfuse.data.mini.containers import Member, gzipped, matlab, tarred
from exfuse.data.mini.drawing import Map
from exfuse.data.mini.photographs import Photographs
from exfuse.data.mini.voc import id_list

ARCHIVE = "benchmark.tgz"
ROOT = "benchmark_RELEASE/dataset"


def _inner_boundary(region: np.ndarray) -> np.ndarray:
    """The pixels of an (H, W) bool region that have a neighbour outside it."""
    padded = np.pad(region, 1)
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return region & ~surrounded


def class_file(labels: Map) -> bytes:
    """A ``cls/<id>.mat``: the struct ``GTcls`` of an (H, W) class map."""
    present = [label for label in range(1, len(VOC_CLASSES)) if (labels == label).any()]
    boundaries = np.empty((len(VOC_CLASSES) - 1, 1), dtype=object)
    nothing = scipy.sparse.csc_matrix(labels.shape, dtype=np.uint8)
    for row in range(len(boundaries)):
        region = labels == row + 1
        boundary = scipy.sparse.csc_matrix(_inner_boundary(region).astype(np.uint8)) if region.any() else nothing
        boundaries[row, 0] = boundary
    categories = np.array(present, dtype=np.uint8).reshape(-1, 1)
    return matlab({"GTcls": {"Segmentation": labels, "Boundaries": boundaries, "CategoriesPresent": categories}})


def archive(photographs: Photographs) -> bytes:
    """``benchmark.tgz``."""
    members: list[Member] = [
        (f"{folder}/", b"") for folder in ("benchmark_RELEASE", ROOT, f"{ROOT}/cls", f"{ROOT}/img")
    ]
    for photograph in photographs.sbd:
        members.append((f"{ROOT}/cls/{photograph.name}.mat", class_file(photograph.scene.labels())))
    members += [(f"{ROOT}/img/{photograph.name}.jpg", photograph.content) for photograph in photographs.sbd]
    members.append((f"{ROOT}/train.txt", id_list(photographs.sbd_train)))
    members.append((f"{ROOT}/val.txt", id_list(photographs.sbd_val)))
    return gzipped(tarred(members))
