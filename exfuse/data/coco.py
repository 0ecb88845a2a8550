"""COCO 2014 and 2017 with VOC's classes: the first stage of the chain in §4 (Table 7, COCO).

Rules where §4 says only "retain images including the same 20 classes":

* Categories are mapped by their id; all others are background.
* An image is kept when it has at least one *non-crowd* annotation of the wanted classes. A crowd region becomes void,
  so an image that has the classes in crowds alone would hold no labelled object pixel.
* Crowd regions of VOC's classes become 255, beneath the objects: the annotators' single objects are the surer labels.
* Where objects overlap, the one with fewer pixels is on top (of equals, the higher annotation id): what is drawn inside
  another outline is mostly in front of it, and a small object would otherwise vanish.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exfuse.data.archives import ZipReader, find_archive, place
from exfuse.data.coco_annotations import CocoImage, Region, read_instances
from exfuse.data.images import encode_mask, object_classes
from exfuse.data.labels import IGNORE_INDEX, class_ids
from exfuse.data.prepared import PublisherFolder, ordered_map, progress
from exfuse.errors import UserError
from exfuse.files import atomic_folder

LAYOUTS = {
    year: {"train": f"train{year}.zip", "val": f"val{year}.zip", "annotations": f"annotations_trainval{year}.zip"}
    for year in ("2014", "2017")
}


@dataclass(frozen=True, slots=True)
class _Job:
    image: CocoImage
    origin: str


@dataclass(frozen=True, slots=True)
class _Mask:
    job: _Job
    png: bytes
    classes: tuple[int, ...]


def layout_year(archives: Mapping[str, Path]) -> str:
    """The year of the layout, 2014 or 2017, whose archives are given.

    Raises:
        UserError: none or both layouts are given.
    """
    years = [year for year, layout in LAYOUTS.items() if set(layout.values()) & set(archives)]
    if len(years) != 1:
        wanted = " or ".join(", ".join(layout.values()) for layout in LAYOUTS.values())
        raise UserError(f"COCO needs the archives {wanted}; given are: {', '.join(sorted(archives)) or 'none'}.")
    return years[0]


def prepare_coco(
    archives: Mapping[str, Path], target: Path, class_names: Sequence[str], workers: int = 1
) -> dict[str, int]:
    """Writes the retained images, their masks and ``index.csv`` of COCO.

    Args:
        archives: path by official name, of the 2014 or the 2017 layout.
        target: the publisher's folder under the prepared root; replaced as a whole.
        class_names: VOC's object classes that an image must show to be kept; masks hold all 20.
        workers: processes that draw masks; the result does not depend on it.

    Returns:
        Number of retained images by split.

    Raises:
        UserError: an archive is missing or damaged, or an annotation or image is unusable.
    """
    year = layout_year(archives)
    paths = {role: find_archive(archives, name) for role, name in LAYOUTS[year].items()}
    wanted = set(class_ids(class_names))
    with atomic_folder(target) as root, ExitStack() as stack:
        folder = PublisherFolder(root, target.name)
        annotations = stack.enter_context(ZipReader(paths["annotations"]))
        for split in ("train", "val"):
            images = stack.enter_context(ZipReader(paths[split]))
            listing = f"annotations/instances_{split}{year}.json"
            kept = [image for image in read_instances(annotations, listing) if _shows(image, wanted)]
            jobs = _stream(folder, images, f"{split}{year}", split, kept, place(annotations.archive, listing))
            for mask in progress(ordered_map(_draw, jobs, workers), len(kept), f"COCO {split}"):
                image = mask.job.image
                folder.add_mask(image.id, mask.png, (image.width, image.height), mask.classes, mask.job.origin)
        return folder.finish()


def _shows(image: CocoImage, wanted: set[int]) -> bool:
    return any(not region.crowd and region.label in wanted for region in image.regions)


def _stream(
    folder: PublisherFolder, images: ZipReader, parent: str, split: str, kept: Sequence[CocoImage], listing: str
) -> Iterator[_Job]:
    for image in kept:
        member = f"{parent}/{image.file_name}"
        origin = place(images.archive, member)
        size = folder.add_image(image.id, split, images.read(member, listing), origin)
        if size != (image.width, image.height):
            raise UserError(
                f"{origin}: the image has {size[0]}×{size[1]} pixels, {listing} gives {image.width}×{image.height}."
            )
        yield _Job(image, f"{listing}, {image.file_name}")


def _draw(job: _Job) -> _Mask:
    mask = draw_mask(job.image.regions, job.image.width, job.image.height, job.origin)
    return _Mask(job, encode_mask(mask), object_classes(mask))


def draw_mask(regions: Sequence[Region], width: int, height: int, origin: str) -> NDArray[np.uint8]:
    """Draws an image's regions by the rules of this module.

    Args:
        regions: of VOC's classes.
        width: of the image, pixels.
        height: of the image, pixels.
        origin: the annotations' name in messages.

    Returns:
        (H, W) uint8: VOC's labels, 255 in crowd regions, 0 elsewhere.

    Raises:
        UserError: a polygon or a run-length code is broken.
    """
    from pycocotools import mask as rle  # reading a prepared folder need not pay for it

    encoded = [(region, region.encode(width, height, origin)) for region in regions]
    areas = rle.area([code for _, code in encoded]) if encoded else []
    order = sorted(
        range(len(encoded)), key=lambda index: (not regions[index].crowd, -int(areas[index]), regions[index].id)
    )
    mask = np.zeros((height, width), dtype=np.uint8)
    for index in order:
        region, code = encoded[index]
        mask[rle.decode(code) == 1] = IGNORE_INDEX if region.crowd else region.label
    return mask
