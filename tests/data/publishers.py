"""Archives of a few members in the publishers' layouts, built by hand for the tests of the preparation."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.contents import coco_name, mat

VOC_ROOT = "VOCdevkit/VOC2012"
SBD_ROOT = "benchmark_RELEASE/dataset"


def jpeg(width: int, height: int, grey: int = 128) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (grey, grey, grey)).save(buffer, "JPEG")
    return buffer.getvalue()


def labels(width: int, height: int, *values: int) -> np.ndarray:
    """A mask whose first pixels are the given values."""
    mask = np.zeros(width * height, dtype=np.uint8)
    mask[: len(values)] = values
    return mask.reshape(height, width)


def tar_bytes(members: Mapping[str, bytes], compression: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes], compression: str = "") -> Path:
    path.write_bytes(tar_bytes(members, compression))
    return path


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def voc_members(train: Mapping[str, bytes], val: Mapping[str, bytes], size: tuple[int, int]) -> dict[str, bytes]:
    """Members of VOC's trainval archive for masks by id, with images of one size."""
    members = {}
    for identifier, mask in {**train, **val}.items():
        members[f"{VOC_ROOT}/JPEGImages/{identifier}.jpg"] = jpeg(*size)
        members[f"{VOC_ROOT}/SegmentationClass/{identifier}.png"] = mask
    for split, ids in (("train", train), ("val", val)):
        members[f"{VOC_ROOT}/ImageSets/Segmentation/{split}.txt"] = "".join(f"{name}\n" for name in ids).encode()
    return members


def sbd_members(
    train: Mapping[str, np.ndarray], val: Mapping[str, np.ndarray], size: tuple[int, int]
) -> dict[str, bytes]:
    """Members of SBD's archive, masks first and lists last as in the real one's alphabetical order."""
    members = {}
    for identifier, mask in {**train, **val}.items():
        members[f"{SBD_ROOT}/cls/{identifier}.mat"] = mat(GTcls={"Segmentation": mask})
    for identifier in {**train, **val}:
        members[f"{SBD_ROOT}/img/{identifier}.jpg"] = jpeg(*size)
    for split, ids in (("train", train), ("val", val)):
        members[f"{SBD_ROOT}/{split}.txt"] = "".join(f"{name}\n" for name in ids).encode()
    return members


def square(left: float, top: float, side: float) -> list[float]:
    """Polygon of the pixels left … left + side − 1, and downwards likewise."""
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def annotation(identifier: int, image: int, category: int, segmentation: Any, crowd: int = 0) -> dict[str, Any]:
    return {
        "id": identifier,
        "image_id": image,
        "category_id": category,
        "segmentation": segmentation,
        "iscrowd": crowd,
        "bbox": [0, 0, 1, 1],
        "area": 1.0,
    }


def instances(year: str, split: str, images: list[int], annotations: list[dict[str, Any]], size: int) -> bytes:
    """An ``instances_*.json`` with square images and the categories person, car, chair (VOC's) and broccoli."""
    names = {number: coco_name(year, split, number) for number in images}
    return json.dumps(
        {
            "info": {"year": int(year)},
            "licenses": [],
            "images": [
                {"id": number, "file_name": name, "width": size, "height": size} for number, name in names.items()
            ],
            "annotations": annotations,
            "categories": [{"id": number, "name": str(number)} for number in (1, 3, 56, 62)],
        }
    ).encode()


def write_coco(folder: Path, year: str, train: list[dict[str, Any]], images: list[int], size: int) -> dict[str, Path]:
    """COCO's three archives with the given training images and annotations, and an empty val split."""
    members = {
        f"train{year}/{coco_name(year, 'train', number)}": jpeg(size, size, grey=number % 256) for number in images
    }
    annotations = {
        f"annotations/instances_train{year}.json": instances(year, "train", images, train, size),
        f"annotations/instances_val{year}.json": instances(year, "val", [], [], size),
    }
    paths = {
        f"train{year}.zip": members,
        f"val{year}.zip": {},
        f"annotations_trainval{year}.zip": annotations,
    }
    return {name: write_zip(folder / name, content) for name, content in paths.items()}


def write_imagenet(
    folder: Path, train: Mapping[str, Mapping[str, bytes]], val: list[bytes], truth: list[int], synsets: list[Any]
) -> dict[str, Path]:
    """ImageNet's three archives; ``train`` is by class."""
    dtype = [(key, object) for key in synsets[0]]
    table = np.array([[tuple(entry.values())] for entry in synsets], dtype=dtype)
    devkit = {
        "ILSVRC2012_devkit_t12/data/meta.mat": mat(synsets=table),
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": "".join(
            f"{number}\n" for number in truth
        ).encode(),
    }
    inner = {f"{wnid}.tar": tar_bytes(members) for wnid, members in train.items()}
    numbered = {f"ILSVRC2012_val_{number:08}.JPEG": content for number, content in enumerate(val, start=1)}
    return {
        "ILSVRC2012_img_train.tar": write_tar(folder / "ILSVRC2012_img_train.tar", inner),
        "ILSVRC2012_img_val.tar": write_tar(folder / "ILSVRC2012_img_val.tar", numbered),
        "ILSVRC2012_devkit_t12.tar.gz": write_tar(folder / "ILSVRC2012_devkit_t12.tar.gz", devkit, "gz"),
    }
