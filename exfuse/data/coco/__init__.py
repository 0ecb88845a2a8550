"""COCO 2014 and 2017 with VOC's classes: the first stage of the chain in §4 (Table 7, COCO).

Rules where §4 says only "retain images including the same 20 classes":

* Categories are mapped by their id; all others are background.
* An image is kept when it has at least one *non-crowd* annotation of the wanted classes. A crowd region becomes void,
  so an image that has the classes in crowds alone would hold no labelled object pixel.
* How regions become a mask: :mod:`exfuse.data.coco.masks`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from exfuse.data.archives import ZipReader, find_archive, place
from exfuse.data.coco.annotations import Instances, ListedImage, read_instances
from exfuse.data.coco.masks import draw_mask
from exfuse.data.coco.regions import Region, RegionStore, region_store
from exfuse.data.images import encode_mask, object_classes
from exfuse.data.labels import class_ids
from exfuse.data.lists import check_counts
from exfuse.data.parallel import ordered_map
from exfuse.data.progress import progress
from exfuse.data.publisher_folder import PublisherFolder, publisher_folder
from exfuse.errors import UserError

SPLITS = ("train", "val")
LAYOUTS = {
    year: {"train": f"train{year}.zip", "val": f"val{year}.zip", "annotations": f"annotations_trainval{year}.zip"}
    for year in ("2014", "2017")
}


@dataclass(frozen=True, slots=True)
class _Job:
    image: ListedImage
    regions: list[Region]
    origin: str


@dataclass(frozen=True, slots=True)
class _Mask:
    image: ListedImage
    png: bytes
    classes: tuple[int, ...]
    origin: str


@dataclass(frozen=True, slots=True)
class _Split:
    """A split's archives, lists and regions."""

    name: str
    year: str
    photos: ZipReader
    listing: str
    found: Instances
    store: RegionStore


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


def _counts(found: Mapping[str, Instances]) -> dict[str, int]:
    listed = {split: len(instances.images) for split, instances in found.items()}
    return {**listed, "retained": sum(len(instances.shown) for instances in found.values())}


def listing(split: str, year: str) -> str:
    """The member of the annotations that lists the images of ``train`` or ``val``."""
    return f"annotations/instances_{split}{year}.json"


def image_member(split: str, year: str, image: ListedImage) -> str:
    """The member of a split's archive that is an image."""
    return f"{split}{year}/{image.file_name}"


def prepare_coco(
    archives: Mapping[str, Path],
    target: Path,
    class_names: Sequence[str],
    *,
    workers: int = 1,
    expected: Mapping[str, int] = {},
    identity: str | None = None,
) -> dict[str, int]:
    """Writes the retained images, their masks and ``index.csv`` of COCO.

    Args:
        archives: path by official name, of the 2014 or the 2017 layout.
        target: the publisher's folder under the prepared root; replaced as a whole.
        class_names: VOC's object classes that an image must show to be kept; masks hold all 20.
        workers: processes that draw masks; the result does not depend on it.
        expected: number of listed images by split, where it is declared.
        identity: of all that the result depends on: what a killed call of the same identity finished is kept.

    Returns:
        Listed images of ``train`` and ``val``, and how many of them were ``retained``.

    Raises:
        UserError: an archive is missing or damaged, an annotation or image is unusable, or there are not as many
            images as expected.
    """
    year = layout_year(archives)
    paths = {role: find_archive(archives, name) for role, name in LAYOUTS[year].items()}
    wanted = class_ids(class_names)
    with publisher_folder(target, identity) as folder, ExitStack() as stack:
        annotations = stack.enter_context(ZipReader(paths["annotations"]))
        splits = []
        for name in SPLITS:
            photos = stack.enter_context(ZipReader(paths[name]))
            store = stack.enter_context(region_store(folder.scratch / f"{name}.sqlite"))
            found = read_instances(annotations, listing(name, year), wanted, store)
            listed_in = place(annotations.archive, listing(name, year))
            splits.append(_Split(name, year, photos, listed_in, found, store))
        counts = _counts({split.name: split.found for split in splits})
        check_counts(counts, expected, str(annotations.archive))
        for split in splits:
            _add_split(folder, split, workers)
        folder.finish()
        return counts


def _add_split(folder: PublisherFolder, split: _Split, workers: int) -> None:
    kept = split.found.kept()
    for mask in ordered_map(_draw, _stream(folder, split, kept), workers):
        size = mask.image.width, mask.image.height
        folder.add_mask(mask.image.id, mask.png, size, mask.classes, mask.origin)


def _stream(folder: PublisherFolder, split: _Split, kept: Sequence[ListedImage]) -> Iterator[_Job]:
    """Keeps the images and passes on the regions of those that have no mask yet."""
    for image in progress(kept, len(kept), f"COCO {split.name}"):
        _add_image(folder, split, image)
        origin = f"{split.listing}, {image.file_name}"
        if not folder.resume_mask(image.id, origin):
            yield _Job(image, split.store.of(image.number), origin)


def _add_image(folder: PublisherFolder, split: _Split, image: ListedImage) -> None:
    member = image_member(split.name, split.year, image)
    origin = place(split.photos.archive, member)
    size = folder.resume_image(image.id, split.name, origin)
    if size is None:
        size = folder.add_image(image.id, split.name, split.photos.read(member, split.listing), origin)
    if size != (image.width, image.height):
        raise UserError(
            f"{origin}: the image has {size[0]}×{size[1]} pixels, {split.listing} gives {image.width}×{image.height}."
        )


def _draw(job: _Job) -> _Mask:
    mask = draw_mask(job.regions, job.image.width, job.image.height, job.origin)
    return _Mask(job.image, encode_mask(mask), object_classes(mask), job.origin)
