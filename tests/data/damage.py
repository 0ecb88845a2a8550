"""Ways to damage an archive, and small whole ones to damage. A damage turns an archive's members into its bytes."""

import io
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from benchmarks.contents import mat, png, synset
from tests.data.publishers import (
    SBD_ROOT,
    VOC_ROOT,
    annotation,
    instances,
    jpeg,
    labels,
    sbd_members,
    tar_bytes,
    voc_members,
    write_imagenet,
)

Members = Mapping[str, bytes]
Pack = Callable[[Members], bytes]
Damage = Callable[[Members, Pack], bytes]

VOC, SBD = "VOCtrainval_11-May-2012.tar", "benchmark.tgz"
COCO_TRAIN, COCO_VAL, COCO_JSON = "train2014.zip", "val2014.zip", "annotations_trainval2014.zip"
IMAGENET_TRAIN, IMAGENET_VAL, DEVKIT = (
    "ILSVRC2012_img_train.tar",
    "ILSVRC2012_img_val.tar",
    "ILSVRC2012_devkit_t12.tar.gz",
)
ARCHIVES = {
    "voc": (VOC,),
    "sbd": (SBD,),
    "coco": (COCO_TRAIN, COCO_VAL, COCO_JSON),
    "imagenet": (IMAGENET_TRAIN, IMAGENET_VAL, DEVKIT),
}
COUNTS = {
    "voc": {"train": 2, "val": 1},
    "sbd": {"train": 2, "val": 1},
    "coco": {"train": 2, "val": 1},
    "imagenet": {"train": 3, "val": 2, "classes": 2},
}
SIDE = 16
COCO_INSTANCES = "annotations/instances_train2014.json"


def coco_photo(number: int) -> str:
    """Member of a training image."""
    return f"train2014/COCO_train2014_{number:012}.jpg"


def photo(width: int, height: int) -> bytes:
    """A JPEG of several hundred bytes of picture, so that its middle is no header."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@cache
def whole(archive: str) -> Members:
    """Members of an undamaged archive."""
    if archive == VOC:
        train = {"2007_a": png(labels(SIDE, 12, 15, 255, 2)), "2007_b": png(labels(SIDE, 12, 20))}
        return voc_members(train, {"2007_c": png(labels(SIDE, 12, 9))}, (SIDE, 12))
    if archive == SBD:
        return sbd_members({"a": labels(SIDE, 12, 3), "b": labels(SIDE, 12)}, {"c": labels(SIDE, 12, 20)}, (SIDE, 12))
    if archive == COCO_TRAIN:
        return {coco_photo(number): jpeg(SIDE, SIDE, number) for number in (7, 8)}
    if archive == COCO_VAL:
        return {"val2014/000000000009.jpg": jpeg(SIDE, SIDE)}
    return coco_json({}) if archive == COCO_JSON else _imagenet()[archive]


def coco_json(change: Mapping[str, object]) -> Members:
    """Members of COCO's annotations; ``change`` alters the last one of the training split."""
    entries = [annotation(number, number, 3, [[0, 0, 8, 0, 8, 8]]) for number in (7, 8)]
    return {
        COCO_INSTANCES: instances("2014", "train", [7, 8], [entries[0], {**entries[1], **change}], SIDE),
        "annotations/instances_val2014.json": instances("2014", "val", [9], [{**entries[0], "image_id": 9}], SIDE),
    }


@cache
def _imagenet() -> Mapping[str, Members]:
    picture = jpeg(SIDE, 12)
    synsets = [synset(1, "n00000020"), synset(2, "n00000010"), synset(3, "n00000005", children=2)]
    train = {
        "n00000010": {"n00000010_1.JPEG": picture},
        "n00000020": {"n00000020_1.JPEG": picture, "n00000020_2.JPEG": picture},
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = write_imagenet(Path(folder), train, [picture, picture], [1, 2], synsets)
        return {name: _read(path) for name, path in paths.items()}


def _read(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def packer(archive: str) -> Pack:
    """Makes an archive's bytes from its members, in the format of its name."""
    if archive.endswith(".zip"):
        return zip_bytes
    return lambda members: tar_bytes(members, "gz" if archive.endswith("gz") else "")


def zip_bytes(members: Members) -> bytes:
    """A deflated zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# --- damages ---


def put(member: str, content: bytes | None) -> Damage:
    """Another content of a member; none: the member is missing."""
    return lambda members, pack: pack(
        {name: old for name, old in {**members, member: content}.items() if old is not None}
    )


def cut(share: float) -> Damage:
    """The first part of the archive alone."""
    return lambda members, pack: pack(members)[: int(share * len(pack(members)))]


def twice(member: str) -> Damage:
    """A member that stands there twice."""

    def damage(members: Members, pack: Pack) -> bytes:
        if pack is not zip_bytes:
            return _append(members, member, tarfile.REGTYPE, members[member], compressed=_is_gzip(pack(members)))
        stand_in = "*" * len(member)  # in the directory and before the data
        return pack({**members, stand_in: members[member]}).replace(stand_in.encode(), member.encode())

    return damage


def special(name: str, kind: bytes) -> Damage:
    """A further member of a tar that is a link or device, or has an odd name."""
    return lambda members, pack: _append(members, name, kind, compressed=_is_gzip(pack(members)))


def _is_gzip(content: bytes) -> bool:
    return content.startswith(b"\x1f\x8b")


def _append(members: Members, name: str, kind: bytes, content: bytes = b"", compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if compressed else "w") as tar:
        for member, old in members.items():
            _add(tar, member, tarfile.REGTYPE, old)
        _add(tar, name, kind, content)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, kind: bytes, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = "/etc/passwd"
    tar.addfile(info, io.BytesIO(content))


def zip_link(name: str) -> Damage:
    """A member of a zip that is a symbolic link."""

    def damage(members: Members, pack: Pack) -> bytes:
        buffer = io.BytesIO(pack(members))
        with zipfile.ZipFile(buffer, "a") as archive:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
        return buffer.getvalue()

    return damage


def lying_size(member: str, size: int) -> Damage:
    """A zip whose directory gives a member another size than it has."""

    def damage(members: Members, pack: Pack) -> bytes:
        buffer = io.BytesIO(pack(members))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.getinfo(member).file_size = size
            archive.comment = b"rewritten"  # a changed comment makes the directory be written again
        return buffer.getvalue()

    return damage


def annotation_with(**change: object) -> Damage:
    """COCO's annotations with one, of number 8, altered."""
    return lambda members, pack: pack(coco_json(change))


# --- contents ---


def huge_jpeg() -> bytes:
    """The header of 50,000 × 50,000 pixels."""
    content = bytearray(jpeg(SIDE, 12))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 50_000, 50_000)
    return bytes(content)


def huge_png() -> bytes:
    """A palette PNG with the header of 50,000 × 50,000 pixels."""
    content = bytearray(png(labels(SIDE, 12, 1)))
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@cache
def mat_bomb() -> bytes:
    """A small file whose mask would take 144 MB."""
    buffer = io.BytesIO()
    mask = np.zeros((12_000, 12_000), dtype=np.uint8)
    scipy.io.savemat(buffer, {"GTcls": {"Segmentation": mask}}, do_compression=True)
    return buffer.getvalue()


@cache
def zeros() -> bytes:
    """More than any member may have: it packs into a thousandth."""
    return bytes(80 << 20)


BROKEN_MAT = mat(GTcls={"Segmentation": labels(SIDE, 12, 3)})[:-30]
SBD_MAT, SBD_IMAGE = f"{SBD_ROOT}/cls/a.mat", f"{SBD_ROOT}/img/a.jpg"
VOC_IMAGE, VOC_MASK = f"{VOC_ROOT}/JPEGImages/2007_a.jpg", f"{VOC_ROOT}/SegmentationClass/2007_a.png"
VOC_LIST = f"{VOC_ROOT}/ImageSets/Segmentation/train.txt"
