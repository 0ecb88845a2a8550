"""Images and masks as they lie in folders: three layouts, every kind of mask, and what is refused."""

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from exfuse.data.labels import voc_palette
from exfuse.data.pairs import Pair, PairSet, find_pairs, label_table, read_mask
from exfuse.errors import UserError

TABLE = label_table((0, 7, 8), (1, 3))


def put(path: Path, values: object = 0, mode: str = "P", size: tuple[int, int] = (6, 4)) -> Path:
    """A mask with one value, or an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, size, values)
    if mode == "P":
        image.putpalette(voc_palette())
    image.save(path)
    return path


def names(pairs: list[Pair], root: Path) -> list[tuple[str, str, str]]:
    return [(pair.id, str(pair.image.relative_to(root)), str(pair.mask.relative_to(root))) for pair in pairs]


def test_values_become_classes() -> None:
    assert TABLE[[0, 7, 8, 255]].tolist() == [0, 1, 2, 255]
    assert TABLE[[1, 3]].tolist() == [0, 0]  # left out of the training's classes
    assert sorted(np.flatnonzero(TABLE < 0)) == sorted(set(range(256)) - {0, 1, 3, 7, 8, 255})


@pytest.mark.parametrize("mode", ["P", "L"])
def test_palette_and_grey_masks_are_read_by_value(tmp_path: Path, mode: str) -> None:
    values = np.array([[0, 7, 8], [255, 1, 3]], dtype=np.uint8)
    image = Image.fromarray(values)
    if mode == "P":
        image.putpalette(voc_palette())
    image.save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png", TABLE).tolist() == [[0, 1, 2], [255, 0, 0]]


def test_an_unknown_value_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png: the mask has the value 9.* it knows 0, 1, 3, 7, 8, 255"):
        read_mask(put(tmp_path / "a.png", 9), TABLE)


@pytest.mark.parametrize(("mode", "value"), [("RGB", (0, 0, 0)), ("1", 0), ("I;16", 0), ("LA", (0, 0))])
def test_masks_of_other_kinds_are_refused(tmp_path: Path, mode: str, value: object) -> None:
    with pytest.raises(UserError, match=r"a\.png: the mask is a PNG of mode "):
        read_mask(put(tmp_path / "a.png", value, mode), TABLE)


def test_grey_of_few_bits_whose_values_readers_rescale_is_refused(tmp_path: Path) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0)  # 2×1 pixels of 4 bits, grey
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\x78")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(UserError, match=r"a\.png: the mask is a PNG of mode L and 4 bits"):
        read_mask(tmp_path / "a.png", TABLE)


def test_a_jpeg_is_no_mask(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", 0, "L")
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: it is no PNG image"):
        read_mask(tmp_path / "a.png", TABLE)


def test_folders(tmp_path: Path) -> None:
    for stem, suffix in (("b", ".jpg"), ("a", ".PNG"), ("deep/a", ".tif")):
        put(tmp_path / "images" / f"{stem}{suffix}", (1, 2, 3), "RGB")
        put(tmp_path / "masks" / f"{stem}.png")
    put(tmp_path / "images/.hidden.png", (1, 2, 3), "RGB")
    (tmp_path / "images/notes.txt").touch()
    assert names(find_pairs(tmp_path, None), tmp_path) == [
        ("a", "images/a.PNG", "masks/a.png"),
        ("b", "images/b.jpg", "masks/b.png"),
        ("deep/a", "images/deep/a.tif", "masks/deep/a.png"),
    ]
    assert len(PairSet(find_pairs(tmp_path, None), TABLE)[2][1]) == 4


def test_whoever_is_alone_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"images/{name}.png", (1, 2, 3), "RGB")
    for name in ("b", "c"):
        put(tmp_path / f"masks/{name}.png")
    with pytest.raises(UserError, match=r"images/a\.png, \S+masks/c\.png\. Masks are PNGs"):
        find_pairs(tmp_path, None)
    put(tmp_path / "images/b.jpg", (1, 2, 3), "RGB")
    with pytest.raises(UserError, match=r"b\.jpg and \S+b\.png have one name"):
        find_pairs(tmp_path, None)


@pytest.mark.parametrize("named", ["VOCdevkit/VOC2012", "VOCdevkit", "."])
def test_an_unpacked_voc(tmp_path: Path, named: str) -> None:
    root = tmp_path / "VOCdevkit/VOC2012"
    for name in ("2007_000001", "2007_000002"):
        put(root / f"JPEGImages/{name}.jpg", (1, 2, 3), "RGB")
        put(root / f"SegmentationClass/{name}.png")
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2007_000002\n")
    (lists / "train.txt").write_text("2007_000001\n2007_000003\n")
    assert names(find_pairs(tmp_path / named, None), root) == [
        ("2007_000002", "JPEGImages/2007_000002.jpg", "SegmentationClass/2007_000002.png")
    ]
    with pytest.raises(UserError, match=r"lacks \S+2007_000003\.jpg, \S+2007_000003\.png\."):
        find_pairs(tmp_path / named, "train")
    with pytest.raises(UserError, match=r"test\.txt is missing; the sets there are: train, val\."):
        find_pairs(tmp_path / named, "test")


@pytest.mark.parametrize(
    ("make", "split", "message"),
    [
        ((), None, "data is missing. Give `images/` and"),
        (("x/",), None, "data holds no data. Give `images/` and"),
        (("images/", "masks/"), None, "data has no image with a mask"),
        (("images/", "masks/"), "val", "data has no sets to choose from"),
    ],
)
def test_no_data(tmp_path: Path, make: tuple[str, ...], split: str | None, message: str) -> None:
    for name in make:
        (tmp_path / "data" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=message):
        find_pairs(tmp_path / "data", split)


def test_image_and_mask_differ_in_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (4, 6)).save(tmp_path / "a.jpg", exif=exif)
    pairs = PairSet([Pair("a", tmp_path / "a.jpg", put(tmp_path / "a.png"))], TABLE)
    with pytest.raises(UserError, match=r"a\.png has 6×4 pixels and its image 4×6\. .*without EXIF"):
        pairs[0]


def test_images_are_as_stored_whatever_exif_says(tmp_path: Path) -> None:
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    image, mask = PairSet([Pair("a", tmp_path / "a.png", put(tmp_path / "m.png", 8))], TABLE)[0]
    assert np.array_equal(image.permute(1, 2, 0).numpy(), pixels)
    assert mask.tolist() == [[2] * 6] * 4


@pytest.mark.parametrize("name", ["photo.jpg", "VOCtrainval_11-May-2012.tar", "list.csv"])
def test_a_file_that_is_no_table_is_not_to_be_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xd8 no table")
    with pytest.raises(UserError, match=r"is not the table of a prepared set\. Give `images/` and `masks/`") as raised:
        find_pairs(tmp_path / name, None)
    assert "Delete" not in str(raised.value)


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_folder_that_cannot_be_read_is_no_folder_without_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    for name in ("a", "deep/b"):
        put(tmp_path / f"images/{name}.png", (1, 2, 3), "RGB")
        put(tmp_path / f"masks/{name}.png")
    inner = os.scandir

    def outer(folder: Any) -> Any:
        if str(folder).endswith(f"{part}/deep"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return inner(folder)

    monkeypatch.setattr(os, "scandir", outer)
    with pytest.raises(UserError, match=rf"^cannot read \S+/{part}/deep: Permission denied\."):
        find_pairs(tmp_path, None)


def test_a_name_that_no_disk_takes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^cannot read \S+n+\S*: File name too long\."):
        find_pairs(tmp_path / ("n" * 300), None)
