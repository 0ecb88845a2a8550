"""COCO 2014's image zips and its instance annotations: polygons, crowds, categories that VOC does not have."""

import json
from typing import Any, NamedTuple

import numpy as np

from exfuse.data.mini.containers import Member, jpeg, zipped
from exfuse.data.mini.outlines import polygons, run_lengths
from exfuse.data.mini.photographs import Tick
from exfuse.data.mini.scenes import CROWD_SIZE, Scene, random_generator, segmentation_scene
from exfuse.data.mini.vocabulary import CLUTTER, CONCEPTS, IN_VOC, NOT_IN_VOC, ONLY_IN_COCO
from exfuse.spec.mini import MiniSettings

TRAIN_ARCHIVE, VAL_ARCHIVE = "train2014.zip", "val2014.zip"
ANNOTATIONS_ARCHIVE = "annotations_trainval2014.zip"
PUBLISHER = 1
"""Place of these pictures among the random streams."""
NUMBERS = 581_930
"""Image numbers lie below this, as COCO's do."""

# Of every ten pictures, these hold a crowd, only categories outside VOC's, and no annotation at all.
PERIOD = 10
CROWD, OUTSIDE, EMPTY = (1,), (4, 7), (8,)
GREY = 2
"""This picture of a split is a grey-scale JPEG, as a few hundred of COCO's are."""

INFO = {"description": "Mini archive in the layout of COCO 2014", "version": "1.0", "year": 2014}
LICENSES = [{"id": 1, "name": "Apache-2.0", "url": "http://www.apache.org/licenses/LICENSE-2.0"}]


class CocoArchives(NamedTuple):
    """COCO's three zips."""

    train: bytes
    val: bytes
    annotations: bytes


def _scene(settings: MiniSettings, split: int, index: int) -> Scene:
    rng = random_generator(settings.seed, PUBLISHER, split, index)
    kind = index % PERIOD
    if kind in OUTSIDE:
        return segmentation_scene(rng, settings.coco_side, ONLY_IN_COCO, CLUTTER)
    if kind in EMPTY:
        return segmentation_scene(rng, settings.coco_side, CLUTTER, CLUTTER)
    return segmentation_scene(rng, settings.coco_side, IN_VOC, NOT_IN_VOC, crowd=kind in CROWD)


def _box(mask: np.ndarray) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [float(v) for v in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)]


def _regions(scene: Scene, crowd: bool) -> list[tuple[int, np.ndarray, bool]]:
    """(category, (H, W) bool, is a crowd) of what is seen of each thing; a crowd is one region."""
    single = len(scene.things) - CROWD_SIZE if crowd else len(scene.things)
    regions = [
        (thing.concept.coco, scene.visible(number), False) for number, thing in enumerate(scene.things[:single], 1)
    ]
    if crowd:
        regions.append((scene.things[-1].concept.coco, scene.order > single, True))
    return [(category, mask, is_crowd) for category, mask, is_crowd in regions if category and mask.any()]


def _annotations(scene: Scene, image: int, crowd: bool) -> list[dict[str, Any]]:
    height, width = scene.order.shape
    annotations = []
    for category, mask, is_crowd in _regions(scene, crowd):
        outline = {"counts": run_lengths(mask), "size": [height, width]} if is_crowd else polygons(mask)
        annotations.append(
            {
                "segmentation": outline,
                "area": float(mask.sum()),
                "iscrowd": int(is_crowd),
                "image_id": image,
                "bbox": _box(mask),
                "category_id": category,
            }
        )
    return annotations


def _categories() -> list[dict[str, Any]]:
    named = sorted((concept.coco, concept.coco_name, bool(concept.voc)) for concept in CONCEPTS if concept.coco)
    return [
        {"supercategory": "voc" if in_voc else "other", "id": number, "name": name} for number, name, in_voc in named
    ]


def _split(settings: MiniSettings, split: str, numbers: list[int], tick: Tick) -> tuple[bytes, bytes]:
    """A split's zip and its instances file."""
    members: list[Member] = [(f"{split}/", b"")]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index, number in enumerate(numbers):
        scene = _scene(settings, int(split == "val2014"), index)
        name = f"COCO_{split}_{number:012d}.jpg"
        members.append((f"{split}/{name}", jpeg(scene.picture, "L" if index == GREY else "RGB")))
        height, width = scene.order.shape
        images.append({"license": 1, "file_name": name, "height": height, "width": width, "id": number})
        annotations += _annotations(scene, number, crowd=index % PERIOD in CROWD)
        tick(index + 1, len(numbers))
    for identity, annotation in enumerate(annotations, 1 if split == "train2014" else 1_000_001):
        annotation["id"] = identity
    content = {"info": INFO, "images": images, "licenses": LICENSES, "annotations": annotations}
    return zipped(members), json.dumps({**content, "categories": _categories()}).encode()


def archives(settings: MiniSettings, tick_train: Tick, tick_val: Tick) -> CocoArchives:
    """``train2014.zip``, ``val2014.zip`` and ``annotations_trainval2014.zip``."""
    total = settings.coco_train + settings.coco_val
    rng = random_generator(settings.seed, PUBLISHER)
    numbers = np.unique(rng.integers(1, NUMBERS, size=2 * total))
    numbers = rng.permutation(numbers)[:total].tolist()
    train, train_json = _split(settings, "train2014", numbers[: settings.coco_train], tick_train)
    val, val_json = _split(settings, "val2014", numbers[settings.coco_train :], tick_val)
    annotations: list[Member] = [
        ("annotations/instances_train2014.json", train_json),
        ("annotations/instances_val2014.json", val_json),
    ]
    return CocoArchives(train, val, zipped(annotations))
