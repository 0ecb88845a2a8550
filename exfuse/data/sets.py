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
from collections.abc import Iterable, Sequence
from pathlib import Path

from exfuse.data.prepared import PreparedImage, read_index
from exfuse.errors import UserError
from exfuse.files import write_csv

SETS = ("train", "trainaug", "trainval", "coco", "val", "test")
SOURCES = ("voc", "voc-test", "sbd", "coco", "own")
SET_COLUMNS = ("id", "source", "image", "mask", "width", "height", "classes")

Entry = tuple[str, PreparedImage]
"""The publisher's folder and one of its images."""


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
        name: one of ``SETS``.
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
    if name not in SETS:
        raise UserError(f"unknown set `{name}`. The sets are: {', '.join(SETS)}.")
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
    if name == "test":
        return _of_splits(_read(root, "voc-test"), "test")
    voc = _read(root, "voc")
    if name == "val":
        return _of_splits(voc, "val")
    if name == "trainval":
        return _of_splits(voc, "train", "val")
    held_out = {image.id for _, image in _of_splits(voc, "val")}
    entries = _of_splits(voc, "train")
    if name in ("trainaug", "coco"):
        taken = held_out | {image.id for _, image in entries}
        entries += [entry for entry in _of_splits(_read(root, "sbd"), "train", "val") if entry[1].id not in taken]
    if name == "coco":
        entries += _of_splits(_read(root, "coco"), "train", "val")
    leaked = held_out & {image.id for _, image in entries}
    assert not leaked, f"{name} holds images of VOC val: {sorted(leaked)[:3]}"
    return entries


def _own_members(name: str, root: Path) -> list[Entry]:
    splits = {"val": ("val",), "trainval": ("train", "val")}.get(name, ("train",))
    return _of_splits(_read(root, "own"), *splits)


def _read(root: Path, source: str) -> list[Entry]:
    return [(source, image) for image in read_index(root / source / "index.csv")]


def _of_splits(entries: Iterable[Entry], *splits: str) -> list[Entry]:
    return [entry for entry in entries if entry[1].split in splits]


def _order(entry: Entry) -> tuple[str, str]:
    source, image = entry
    return source, image.id


def _row(source: str, image: PreparedImage) -> dict[str, str | int]:
    cells = image.row()
    del cells["split"]
    return {"source": source, **cells}


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{identifier}\n" for identifier in sorted(ids)).encode()).hexdigest()
