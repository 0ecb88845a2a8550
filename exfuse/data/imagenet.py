"""ImageNet 2012 without unpacking: an index of (offset, length, class) into the uncompressed tars (§3, "pretrained").

The training archive is a tar of one tar a class; offsets point into the outer file, so that any image is one
``pread`` away. Labels are positions in the sorted WordNet ids, as every public set of ImageNet weights counts them; the
devkit's ground truth holds *ILSVRC ids*, which are not in that order.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.data.archives import check_size, find_archive, member_error, place
from exfuse.data.lists import check_counts
from exfuse.data.matlab import load_mat
from exfuse.data.progress import progress
from exfuse.data.tars import TarMember, list_tar, read_tar
from exfuse.errors import UserError
from exfuse.files import atomic_folder, write_csv, writing

TRAIN_ARCHIVE = "ILSVRC2012_img_train.tar"
VAL_ARCHIVE = "ILSVRC2012_img_val.tar"
DEVKIT_ARCHIVE = "ILSVRC2012_devkit_t12.tar.gz"
META = "ILSVRC2012_devkit_t12/data/meta.mat"
GROUND_TRUTH = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
_MAX_NAME_BYTES = 64
CLASS_COLUMNS = ("label", "wnid", "name")
COLUMNS = ("offset", "length", "label", "name")
"""Of an index, in its file."""


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """Where the images of one split lie.

    Attributes:
        archive: the tar's file name.
        offset: (N,) int64, of each image's first byte in the tar.
        length: (N,) int32, bytes.
        label: (N,) int16, position in the sorted WordNet ids.
        name: (N,) bytes, file names, in the archive's order.
    """

    archive: str
    offset: NDArray[np.int64]
    length: NDArray[np.int32]
    label: NDArray[np.int16]
    name: NDArray[np.bytes_]

    @classmethod
    def of(cls, archive: str, members: Sequence[TarMember], labels: Sequence[int]) -> "ImageIndex":
        """An index of members with their labels."""
        return cls(
            archive,
            np.array([member.offset for member in members], dtype=np.int64),
            np.array([member.size for member in members], dtype=np.int32),
            np.array(labels, dtype=np.int16),
            np.array([PurePosixPath(member.name).name.encode() for member in members], dtype=np.bytes_),
        )

    @classmethod
    def concatenate(cls, pieces: Sequence["ImageIndex"]) -> "ImageIndex":
        """The images of one or more pieces of the same archive, in their order."""
        columns: dict[str, Any] = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in COLUMNS}
        return cls(pieces[0].archive, **columns)

    @classmethod
    def load(cls, source: Path) -> "ImageIndex":
        """Reads what :meth:`save` wrote.

        Raises:
            UserError: it is absent, damaged or no index.
        """
        try:
            with np.load(source, allow_pickle=False) as arrays:
                return cls(str(arrays["archive"]), **{name: arrays[name] for name in COLUMNS})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"cannot read {source} ({error}). Prepare ImageNet again.") from error

    def save(self, target: Path) -> None:
        """Writes the columns as ``.npz``."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        with open(target, "wb") as stream:
            np.savez(stream, archive=np.array(self.archive), **columns)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.offset)


@dataclass(frozen=True, slots=True)
class Devkit:
    """What the devkit tells.

    Attributes:
        wnids: WordNet ids of the leaf classes, sorted; the position is the label.
        names: the classes' words, in the same order.
        val_labels: label of each validation image, in the order of their numbers.
    """

    wnids: tuple[str, ...]
    names: tuple[str, ...]
    val_labels: tuple[int, ...]


def class_of(member: str) -> str | None:
    """WordNet id of the class whose tar a member of the training archive is; none: it is no tar of a class."""
    path = PurePosixPath(member)
    return path.stem if path.suffix == ".tar" else None


def val_label(member: str, devkit: Devkit) -> int | None:
    """Label of a validation image, whose name ends in its number; none: the ground truth has no such line."""
    number = PurePosixPath(member).stem.rpartition("_")[2]
    if not number.isdecimal() or not 1 <= int(number) <= len(devkit.val_labels):
        return None
    return devkit.val_labels[int(number) - 1]


def prepare_imagenet(archives: Mapping[str, Path], target: Path, *, expected: Mapping[str, int] = {}) -> dict[str, int]:
    """Writes ``train.npz``, ``val.npz`` and ``classes.csv``.

    Args:
        archives: path by official name.
        target: the publisher's folder under the prepared root; replaced as a whole.
        expected: number of images by split and of ``classes``, where it is declared.

    Returns:
        Number of ``train`` and ``val`` images and of ``classes``.

    Raises:
        UserError: an archive is missing or damaged, devkit and archives disagree, or a number differs.
    """
    train, val, devkit_path = (find_archive(archives, name) for name in (TRAIN_ARCHIVE, VAL_ARCHIVE, DEVKIT_ARCHIVE))
    devkit = read_devkit(devkit_path)
    check_counts({"classes": len(devkit.wnids)}, expected, str(devkit_path))
    with atomic_folder(target) as root:
        indices = {"train": _index_train(train, devkit), "val": _index_val(val, devkit)}
        for (split, index), archive in zip(indices.items(), (train, val), strict=True):
            check_counts({split: len(index)}, expected, str(archive))
            with writing(target / f"{split}.npz"):
                index.save(root / f"{split}.npz")
        rows = (
            {"label": label, "wnid": wnid, "name": name}
            for label, (wnid, name) in enumerate(zip(devkit.wnids, devkit.names, strict=True))
        )
        write_csv(root / "classes.csv", CLASS_COLUMNS, rows)
    return {**{split: len(index) for split, index in indices.items()}, "classes": len(devkit.wnids)}


def _index_train(archive: Path, devkit: Devkit) -> ImageIndex:
    label_of: dict[str | None, int] = {wnid: label for label, wnid in enumerate(devkit.wnids)}
    pieces = []
    tars = list_tar(archive)
    for class_tar in progress(tars, len(tars), "ImageNet train", unit="classes"):
        label = label_of.get(class_of(class_tar.name))
        if label is None:
            raise member_error(archive, class_tar.name, "it is no tar of one of the devkit's leaf classes")
        members = list_tar(archive, inside=class_tar)
        for member in members:
            _check_image(archive, f"{class_tar.name}: {member.name}", member)
        pieces.append(ImageIndex.of(TRAIN_ARCHIVE, members, [label] * len(members)))
    if not pieces:
        raise UserError(f"{archive} holds no class.")
    return ImageIndex.concatenate(pieces)


def _index_val(archive: Path, devkit: Devkit) -> ImageIndex:
    members = list_tar(archive)
    if len(members) != len(devkit.val_labels):
        raise UserError(
            f"{archive} holds {len(members)} images, but {place(Path(DEVKIT_ARCHIVE), GROUND_TRUTH)} has "
            f"{len(devkit.val_labels)} lines. Both must be of the same release."
        )
    labels = []
    for member in members:
        _check_image(archive, member.name, member)
        label = val_label(member.name, devkit)
        if label is None:
            raise member_error(archive, member.name, "its name does not end in a number of the ground truth")
        labels.append(label)
    return ImageIndex.of(VAL_ARCHIVE, members, labels)


def _check_image(archive: Path, shown: str, member: TarMember) -> None:
    check_size(archive, shown, member.size)
    if len(PurePosixPath(member.name).name.encode()) > _MAX_NAME_BYTES:  # the longest one sets the width of the index
        raise member_error(archive, shown, f"its name is longer than the {_MAX_NAME_BYTES} bytes that are accepted")


def read_devkit(archive: Path) -> Devkit:
    """Reads classes and ground truth; only synsets without children are classes.

    Raises:
        UserError: the devkit is damaged, or its ground truth names an id that is no class.
    """
    contents = dict(read_tar(archive, (META, GROUND_TRUTH).__contains__))
    for member in (META, GROUND_TRUTH):
        if member not in contents:
            raise member_error(archive, member, "it is absent")
    leaves = _read_leaves(contents[META], place(archive, META))
    order = sorted(leaves, key=lambda ilsvrc_id: leaves[ilsvrc_id][0])
    label_of = {ilsvrc_id: label for label, ilsvrc_id in enumerate(order)}
    val_labels = []
    for line, text in enumerate(contents[GROUND_TRUTH].split(), start=1):
        if not text.isdigit() or int(text) not in label_of:
            shown = text.decode("utf-8", "replace")
            raise member_error(archive, GROUND_TRUTH, f"line {line} is {shown}, which is the ILSVRC id of no class")
        val_labels.append(label_of[int(text)])
    wnids, names = zip(*(leaves[ilsvrc_id] for ilsvrc_id in order), strict=True)
    return Devkit(wnids, names, tuple(val_labels))


def _read_leaves(content: bytes, origin: str) -> dict[int, tuple[str, str]]:
    """WordNet id and words of each leaf synset by ILSVRC id."""
    mat = load_mat(content, "synsets", origin, squeeze=True)
    try:
        synsets = np.atleast_1d(mat["synsets"])
        leaves = {
            int(synset["ILSVRC2012_ID"]): (str(synset["WNID"]), str(synset["words"]))
            for synset in synsets
            if int(synset["num_children"]) == 0
        }
    except Exception as error:  # damage surfaces in scipy as almost any exception
        raise UserError(f"{origin}: it is no class table of ImageNet 2012 ({error}).") from error
    if not leaves or len({wnid for wnid, _ in leaves.values()}) != len(leaves):
        raise UserError(f"{origin}: its classes are absent or have the same WordNet id twice.")
    return leaves
