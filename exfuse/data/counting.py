"""What the publishers' archives hold, without preparing them: images by split, and what their lists name in vain.

Images and masks are not decoded; that they are usable is seen when they are prepared. Every archive is opened, and what
is compressed or listed is read to its end, so a cut or damaged one is found here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exfuse.data import coco, imagenet, sbd, voc
from exfuse.data.archives import ZipReader, find_archive
from exfuse.data.coco.annotations import read_instances
from exfuse.data.labels import class_ids
from exfuse.data.progress import progress
from exfuse.data.tars import TarMember, TarReader, list_tar, stream_tar
from exfuse.errors import UserError
from exfuse.spec.datasets import Publisher

SHOWN = 3
"""Members that a message names before it says how many more there are."""


@dataclass(slots=True)
class Counted:
    """What a publisher's archives hold.

    Attributes:
        counts: images by split as the lists name them (COCO: ``retained`` too; ImageNet: ``classes`` too). A split
            whose list cannot be read is absent.
        ids: the lists' image ids by split, of VOC and SBD.
        problems: all that is wrong, one message each.
    """

    counts: dict[str, int] = field(default_factory=dict)
    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, split: str, ids: Sequence[str]) -> None:
        """Notes the images that a split's list names."""
        self.counts[split], self.ids[split] = len(ids), frozenset(ids)

    def require(self, archive: Path, listing: str, members: Iterable[str], sizes: Mapping[str, int]) -> None:
        """Notes which members a list names that the archive lacks or holds without a byte."""
        absent, empty = [], []
        for member in members:
            size = sizes.get(member)
            if size is None:
                absent.append(member)
            elif size == 0:
                empty.append(member)
        for what, names in (("lacks", absent), ("holds without a byte", empty)):
            if names:
                self.problems.append(f"{archive} {what} {_some(names)}, though {listing} names them")


def count(publisher: Publisher, archives: Mapping[str, Path], *, class_names: Sequence[str]) -> Counted:
    """What a publisher's archives hold.

    Args:
        publisher: whose archives they are.
        archives: paths by official name.
        class_names: VOC's object classes that an image of COCO must show to be retained.

    Raises:
        UserError: an archive is missing or damaged, or COCO's annotations are broken.
    """
    match publisher:
        case "voc":
            return count_voc(archives)
        case "voc-test":
            return count_voc_test(archives)
        case "sbd":
            return count_sbd(archives)
        case "coco":
            return count_coco(archives, class_names)
        case "imagenet":
            return count_imagenet(archives)


def count_voc(archives: Mapping[str, Path]) -> Counted:
    """VOC's train and val split; ``archives`` are paths by official name.

    Raises:
        UserError: the archive is missing or damaged.
    """
    return _count_voc(find_archive(archives, voc.TRAINVAL_ARCHIVE), ("train", "val"))


def count_voc_test(archives: Mapping[str, Path]) -> Counted:
    """VOC's test split; arguments and errors are those of :func:`count_voc`."""
    return _count_voc(find_archive(archives, voc.TEST_ARCHIVE), ("test",))


def _count_voc(archive: Path, splits: Sequence[str]) -> Counted:
    reader = TarReader(archive)
    sizes = reader.sizes
    found = Counted()
    for split in splits:
        try:
            ids = voc.read_ids(reader, split)
        except UserError as problem:
            found.problems.append(str(problem))
            continue
        found.take(split, ids)
        members = [*map(voc.image_member, ids), *(map(voc.mask_member, ids) if split != "test" else ())]
        found.require(archive, voc.listing(split), members, sizes)
    return found


def count_sbd(archives: Mapping[str, Path]) -> Counted:
    """SBD's train and val split; arguments and errors are those of :func:`count_voc`."""
    archive = find_archive(archives, sbd.ARCHIVE)
    lists, sizes = {}, {}
    stream = stream_tar(archive, frozenset(sbd.LISTINGS.values()).__contains__)
    for name, size, content in progress(stream, None, "SBD", unit="members"):
        sizes[name] = size
        if content is not None:
            lists[name] = content
    found = Counted()
    for split, listing in sbd.LISTINGS.items():
        try:
            ids = sbd.read_ids(archive, lists, split)
        except UserError as problem:
            found.problems.append(str(problem))
            continue
        found.take(split, ids)
        found.require(archive, listing, [*map(sbd.image_member, ids), *map(sbd.mask_member, ids)], sizes)
    twice = found.ids.get("train", frozenset()) & found.ids.get("val", frozenset())
    if twice:
        found.problems.append(f"{archive}: the lists of train and val both name {_some(sorted(twice))}")
    return found


def count_coco(archives: Mapping[str, Path], class_names: Sequence[str]) -> Counted:
    """COCO's listed images by split, and how many of both splits show one of some classes.

    Args:
        archives: paths by official name, of the 2014 or the 2017 layout.
        class_names: VOC's object classes; an image is retained that has one of them outside of crowds.

    Raises:
        UserError: an archive is missing or damaged, or the annotations are broken.
    """
    year = coco.layout_year(archives)
    paths = {role: find_archive(archives, name) for role, name in coco.LAYOUTS[year].items()}
    wanted = class_ids(class_names)
    found = Counted(counts={"train": 0, "val": 0, "retained": 0})
    with ZipReader(paths["annotations"]) as annotations:
        for split in ("train", "val"):
            listing = coco.listing(split, year)
            listed = read_instances(annotations, listing, wanted)
            found.counts[split] = len(listed.images)
            found.counts["retained"] += len(listed.shown)
            members = (coco.image_member(split, year, image) for image in listed.images.values())
            with ZipReader(paths[split]) as photos:
                found.require(paths[split], listing, members, photos.sizes)
    return found


def count_imagenet(archives: Mapping[str, Path]) -> Counted:
    """ImageNet's train and val images and the devkit's classes, by a pass over the headers.

    Arguments and errors are those of :func:`count_voc`.
    """
    names = (imagenet.TRAIN_ARCHIVE, imagenet.VAL_ARCHIVE, imagenet.DEVKIT_ARCHIVE)
    train, val, devkit_archive = (find_archive(archives, name) for name in names)
    devkit = imagenet.read_devkit(devkit_archive)
    found = Counted(counts={"classes": len(devkit.wnids)})
    steps: dict[str, Callable[[], int]] = {
        "train": lambda: _count_classes(train, frozenset(devkit.wnids), found),
        "val": lambda: _count_numbered(val, devkit, found),
    }
    for split, count in steps.items():
        try:
            found.counts[split] = count()
        except UserError as problem:
            found.problems.append(str(problem))
    return found


def _count_classes(archive: Path, wnids: frozenset[str], found: Counted) -> int:
    count, unknown = 0, []
    tars = list(list_tar(archive))
    for class_tar in progress(tars, len(tars), "ImageNet train", unit="classes"):
        if imagenet.class_of(class_tar.name) not in wnids:
            unknown.append(class_tar.name)
            continue
        try:
            sizes = _sizes(list_tar(archive, inside=class_tar))
        except UserError as problem:
            found.problems.append(str(problem))
            continue
        count += len(sizes)
        found.require(archive, class_tar.name, sizes, sizes)
    if unknown:
        found.problems.append(f"{archive} holds {_some(unknown)}, which are no tars of the devkit's classes")
    return count


def _count_numbered(archive: Path, devkit: imagenet.Devkit, found: Counted) -> int:
    sizes = _sizes(list_tar(archive))
    labelled = len(devkit.val_labels)
    strange = [name for name in sizes if imagenet.val_label(name, devkit) is None]
    if strange or len(sizes) != labelled:
        named = f": it has no label for {_some(strange)}" if strange else ""
        found.problems.append(
            f"{archive} holds {len(sizes)} images, the devkit's ground truth has {labelled} lines{named}"
        )
    found.require(archive, "the archive itself", sizes, sizes)
    return len(sizes)


def _sizes(members: Iterable[TarMember]) -> dict[str, int]:
    return {member.name: member.size for member in members}


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
