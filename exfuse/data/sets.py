"""The sets that stages train and evaluate on, as lists over the prepared publishers (§3 baseline settings; §4).

======== ==========================================================================
train    VOC train
trainaug (SBD train ∪ SBD val ∪ VOC train) − VOC val; VOC train keeps VOC's masks
coco     the retained COCO images (train and val) and trainaug: stage 1 of §4
trainval VOC train and val, with the images of hard classes twice (§4)
val      VOC val
test     VOC test, without masks
======== ==========================================================================

Every training set but ``trainval`` is disjoint from VOC val. A user's own data have the sets train, val and trainval;
their trainaug is train.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from exfuse.data.prepared import PreparedImage, read_index
from exfuse.errors import UserError
from exfuse.files import write_csv

SOURCES = ("voc", "voc-test", "sbd", "coco", "own")
SET_COLUMNS = ("id", "source", "image", "mask", "width", "height", "classes")

Part = tuple[str, str]
"""A source and one of its splits."""
VOC_TRAIN, VOC_VAL = ("voc", "train"), ("voc", "val")
SBD = (("sbd", "train"), ("sbd", "val"))
PARTS: Mapping[str, tuple[Part, ...]] = {
    "train": (VOC_TRAIN,),
    "trainaug": (VOC_TRAIN, *SBD),
    "coco": (VOC_TRAIN, *SBD, ("coco", "train"), ("coco", "val")),
    "trainval": (VOC_TRAIN, VOC_VAL),
    "val": (VOC_VAL,),
    "test": (("voc-test", "test"),),
}
"""What each set is put together from; of SBD without the images of VOC's train and val split."""
OWN_PARTS: Mapping[str, tuple[Part, ...]] = {
    "train": (("own", "train"),),
    "trainaug": (("own", "train"),),
    "trainval": (("own", "train"), ("own", "val")),
    "val": (("own", "val"),),
}
HELD_OUT = ("train", "trainaug", "coco")
"""The sets that must hold no image of VOC val."""

Entry = tuple[str, PreparedImage]
"""The publisher's folder and one of its images."""


def parts_read(name: str) -> frozenset[Part]:
    """All splits that decide what a set of the publishers' images holds."""
    return frozenset(PARTS[name]) | ({VOC_VAL} if name in HELD_OUT else set())


def member_ids(name: str, ids: Mapping[Part, Collection[str]]) -> dict[Part, list[str]]:
    """Which images of each part a set of the publishers' images holds.

    Args:
        name: one of ``PARTS``.
        ids: image ids of each of :func:`parts_read`.
    """
    in_voc = set(ids.get(VOC_TRAIN, ())) | set(ids.get(VOC_VAL, ()))
    return {
        part: [identifier for identifier in ids[part] if part not in SBD or identifier not in in_voc]
        for part in PARTS[name]
    }


def write_set(
    name: str,
    prepared_root: Path,
    target: Path,
    repeat_classes: Sequence[int] = (),
    *,
    own: bool = False,
    expected: int | None = None,
) -> dict[str, int | str]:
    """Writes the list of a set, sorted by source and id.

    Args:
        name: one of ``PARTS``.
        prepared_root: folder of the publishers' prepared folders.
        target: the CSV file.
        repeat_classes: VOC's labels; images that show one of them stand twice in ``trainval``.
        own: whether the set is of a user's own data.
        expected: images, without repeats, that the set has to have.

    Returns:
        ``rows``, ``images`` (without repeats), the rows of each of ``SOURCES``, and ``sha256`` of the rows'
        sorted ids, one a line, as ``sort | sha256sum`` gives it for a public list.

    Raises:
        UserError: the set is unknown, empty or not as large as expected, repeats are asked of another set, or an
            index is unreadable.
    """
    if name not in PARTS:
        raise UserError(f"unknown set `{name}`. The sets are: {', '.join(PARTS)}.")
    if repeat_classes and name != "trainval":
        raise UserError(f"only `trainval` repeats images of hard classes, not `{name}`.")
    entries = _own_members(name, prepared_root) if own else _members(name, prepared_root)
    if not entries:
        raise UserError(f"set `{name}` has no image: its publishers' splits are empty. Prepare the data again.")
    if expected is not None and len(entries) != expected:
        raise UserError(
            f"set `{name}` has {len(entries)} images, expected {expected}. Get the archives from their publishers "
            "again, or declare a folder with fewer images as a subset, with `sets` of its own, in params/datasets.yaml."
        )
    hard = set(repeat_classes)
    rows = sorted(entries + [entry for entry in entries if hard & set(entry[1].classes)], key=_order)
    write_csv(target, SET_COLUMNS, (_row(source, image) for source, image in rows))
    return {
        "rows": len(rows),
        "images": len(entries),
        **{source: sum(origin == source for origin, _ in rows) for source in SOURCES},
        "sha256": _digest(image.id for _, image in rows),
    }


def _members(name: str, root: Path) -> list[Entry]:
    images = _read(root, parts_read(name))
    members = member_ids(name, images)
    if name in HELD_OUT:
        leaked = {identifier for ids in members.values() for identifier in ids} & images[VOC_VAL].keys()
        assert not leaked, f"{name} holds images of VOC val: {sorted(leaked)[:3]}"
    return [(part[0], images[part][identifier]) for part, ids in members.items() for identifier in ids]


def _own_members(name: str, root: Path) -> list[Entry]:
    images = _read(root, frozenset(OWN_PARTS[name]))
    return [(part[0], image) for part in OWN_PARTS[name] for image in images[part].values()]


def _read(root: Path, parts: Collection[Part]) -> dict[Part, dict[str, PreparedImage]]:
    """The images of some parts by id."""
    found: dict[Part, dict[str, PreparedImage]] = {part: {} for part in parts}
    for source in sorted({source for source, _ in parts}):
        for image in read_index(root / source / "index.csv"):
            if (source, image.split) in found:
                found[source, image.split][image.id] = image
    return found


def _order(entry: Entry) -> tuple[str, str]:
    source, image = entry
    return source, image.id


def _row(source: str, image: PreparedImage) -> dict[str, str | int]:
    cells = image.row()
    del cells["split"]
    return {"source": source, **cells}


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{identifier}\n" for identifier in sorted(ids)).encode()).hexdigest()
