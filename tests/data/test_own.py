"""Images and masks of one's own as they are prepared: kinds, depths, values, and what is refused."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exfuse.data.images import decode_mask, decode_rgb
from exfuse.data.own import Converted, convert, prepare_own
from exfuse.data.prepared import read_index
from exfuse.errors import UserError
from exfuse.spec.own import Lists, OwnData
from exfuse.spec.own_files import OwnImage
from tests.data.own_data import CLASSES, IGNORED, SIZE, folder_entry, labels, write_own_folder

WIDTH, HEIGHT = 7, 5
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
VALUES = np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 3
OWN = OwnData(classes=("a", "b", "c"))
LISTS = Lists(train="train.txt", val="val.txt")


def converted(folder: Path, image: Image.Image, mask: Image.Image, own: OwnData = OWN, **saved: Any) -> Converted:
    """The pair, saved and converted; ``saved`` may give the image's suffix and PIL's options."""
    paths = folder / f"image{saved.pop('suffix', '.png')}", folder / f"mask{saved.pop('mask_suffix', '.png')}"
    image.save(paths[0], **saved)
    mask.save(paths[1])
    return convert((OwnImage("x", "x", "train", *paths), own))


def colour() -> Image.Image:
    return Image.fromarray(PIXELS)


def grey(values: np.ndarray = VALUES) -> Image.Image:
    return Image.fromarray(values)


@pytest.mark.parametrize(
    ("suffix", "kept"), [(".png", True), (".jpg", True), (".tif", False), (".bmp", False), (".webp", False)]
)
def test_eight_bit_images_are_kept_or_stored_without_loss(tmp_path: Path, suffix: str, kept: bool) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    found = converted(tmp_path, colour(), grey(), suffix=suffix, **options)
    stored = (tmp_path / f"image{suffix}").read_bytes()
    assert (found.image == stored) == kept
    np.testing.assert_array_equal(decode_rgb(found.image), np.asarray(Image.open(io.BytesIO(stored)).convert("RGB")))
    assert found.suffix == (suffix if kept else ".png")
    assert found.size == (WIDTH, HEIGHT)


def test_grey_alpha_palette_and_bilevel_images(tmp_path: Path) -> None:
    for mode in ("L", "LA", "P", "RGBA", "1", "CMYK"):
        image = colour().convert(mode)
        found = converted(tmp_path, image, grey(), suffix=".jpg" if mode == "CMYK" else ".png")
        assert decode_rgb(found.image).shape == (HEIGHT, WIDTH, 3), mode
    np.testing.assert_array_equal(decode_rgb(converted(tmp_path, colour().convert("L"), grey()).image)[..., 1],
                                  np.asarray(colour().convert("L")))  # fmt: skip


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("white", "expected"), [(65535, [0, 1, 15, 255]), (4095, [0, 16, 255, 255])])
def test_sixteen_bits_by_hand(tmp_path: Path, suffix: str, white: int, expected: list[int]) -> None:
    deep = np.array([[0, 257, 4095, 65535]], dtype=np.uint16)
    own = OwnData(classes=("a", "b"), white=white)
    found = converted(tmp_path, Image.fromarray(deep), grey(np.zeros((1, 4), np.uint8)), own, suffix=suffix)
    assert decode_rgb(found.image)[0, :, 0].tolist() == expected


def deep_colours(path: Path, pixels: np.ndarray) -> None:
    """A PNG with 16 bits a channel, which PIL cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    content = b"\x89PNG\r\n\x1a\n"
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)


def test_colours_of_sixteen_bits_become_eight_or_are_refused(tmp_path: Path) -> None:
    pixels = np.array([[[0, 257, 65535], [25700, 4095, 300]]], dtype=np.uint16)
    deep_colours(tmp_path / "image.png", pixels)
    Image.new("L", (2, 1)).save(tmp_path / "mask.png")
    listed = OwnImage("x", "x", "train", tmp_path / "image.png", tmp_path / "mask.png")
    found = convert((listed, OWN))
    assert decode_rgb(found.image).tolist() == [[[0, 1, 255], [100, 15, 1]]]
    assert len(found.image) != len((tmp_path / "image.png").read_bytes())
    with pytest.raises(UserError, match=r"image\.png: `own\.white` scales grey images of 16 bits, and this one"):
        convert((listed, OWN.model_copy(update={"white": 4095})))


def test_values_become_labels_by_hand(tmp_path: Path) -> None:
    own = OwnData(classes=("a", "b"), first_value=5, ignore=(0, 9))
    found = converted(tmp_path, Image.new("RGB", (4, 1)), grey(np.array([[5, 6, 0, 9]], np.uint8)), own)
    assert decode_mask(found.mask, "mask", 2).tolist() == [[0, 1, 255, 255]]
    assert found.classes == (0, 1)
    deep = Image.fromarray(np.array([[300, 301, 65535, 65535]], np.uint16))
    own = OwnData(classes=("a", "b"), first_value=300, ignore=(65535,))
    for suffix in (".png", ".tif"):
        found = converted(tmp_path, Image.new("RGB", (4, 1)), deep, own, mask_suffix=suffix)
        assert decode_mask(found.mask, "mask", 2).tolist() == [[0, 1, 255, 255]]


def test_values_that_do_not_follow_one_another(tmp_path: Path) -> None:
    own = OwnData(classes=("a", "b"), values=(26, 7), ignore=(0, 9))
    found = converted(tmp_path, Image.new("RGB", (4, 1)), grey(np.array([[7, 26, 0, 9]], np.uint8)), own)
    assert decode_mask(found.mask, "mask", 2).tolist() == [[1, 0, 255, 255]]
    with pytest.raises(UserError, match=r"such as 8. The 2 classes have the values 26, 7, ignored are \[0, 9\]"):
        converted(tmp_path, Image.new("RGB", (1, 1)), grey(np.array([[8]], np.uint8)), own)


def test_palette_masks_give_indices_and_never_colours(tmp_path: Path) -> None:
    mask = grey()
    mask.putpalette(bytes(reversed(range(256))) * 3)
    assert decode_mask(converted(tmp_path, colour(), mask).mask, "mask", 3).tolist() == VALUES.tolist()


def test_as_many_classes_as_eight_bits_hold(tmp_path: Path) -> None:
    own = OwnData(classes=tuple(f"class {number}" for number in range(255)))
    values = np.arange(256, dtype=np.uint8)[None]
    found = converted(tmp_path, Image.new("RGB", (256, 1)), grey(values), own)
    assert decode_mask(found.mask, "mask", 255).tolist() == values.tolist()
    assert found.classes == tuple(range(255))


def test_any_size_and_aspect(tmp_path: Path) -> None:
    for size in ((1, 1), (3000, 2), (1, 900)):
        assert converted(tmp_path, Image.new("RGB", size), Image.new("L", size)).size == size


@pytest.mark.parametrize(
    ("mask", "suffix", "words"),
    [
        (colour(), ".png", ["mask.png", "PNG of mode RGB", "values have to be the classes"]),
        (grey(), ".jpg", ["mask.jpg", "JPEG", "without loss"]),
        (grey(VALUES + 7), ".png", ["mask.png", "no class, such as", "values 0…2", "ignored are [255]"]),
        (Image.new("L", (HEIGHT, WIDTH)), ".png", ["mask.png", "5×7 pixels, its image 7×5"]),
        (Image.new("F", (WIDTH, HEIGHT)), ".tif", ["mask.tif", "mode F"]),
    ],
)
def test_masks_that_do_not_fit(tmp_path: Path, mask: Image.Image, suffix: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        converted(tmp_path, colour(), mask, mask_suffix=suffix)
    for word in words:
        assert word in str(caught.value)


def test_a_turned_photograph_is_explained(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with pytest.raises(UserError, match="EXIF orientation is not applied"):
        converted(tmp_path, colour(), Image.new("L", (HEIGHT, WIDTH)), suffix=".jpg", exif=exif)
    assert converted(tmp_path, colour(), grey(), suffix=".jpg", exif=exif).size == (WIDTH, HEIGHT)


def test_what_readers_would_change_is_refused(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 3
    with pytest.raises(UserError, match=r"image\.tif: the TIFF has orientation 3"):
        converted(tmp_path, colour(), grey(), suffix=".tif", exif=turned)
    with pytest.raises(UserError, match=r"image\.tif: its values have 32 bits"):
        converted(tmp_path, Image.new("I", (WIDTH, HEIGHT)), grey(), suffix=".tif")
    grey(VALUES * 16).save(tmp_path / "mask.png", bits=4)
    colour().save(tmp_path / "image.png")
    if (tmp_path / "mask.png").read_bytes()[24] == 4:
        with pytest.raises(UserError, match=r"mask\.png: the mask is grey of 4 bits"):
            convert((OwnImage("x", "x", "train", tmp_path / "image.png", tmp_path / "mask.png"), OWN))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "image.jpg")
    Image.new("L", (64, 64)).save(tmp_path / "mask.png")
    listed = OwnImage("x", "x", "train", tmp_path / "image.jpg", tmp_path / "mask.png")
    whole = listed.image.read_bytes()
    listed.image.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"image\.jpg: the image is damaged or cut short"):
        convert((listed, OWN))
    listed.image.write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"image\.jpg: it is no JPEG or PNG or TIFF or BMP or WEBP image"):
        convert((listed, OWN))
    listed.image.unlink()
    with pytest.raises(UserError, match=r"cannot read .*image\.jpg: No such file"):
        convert((listed, OWN))
    Image.new("F", (64, 64)).save(tmp_path / "image.tif")
    with pytest.raises(UserError, match=r"image\.tif: its values have 32 bits"):
        convert((OwnImage("x", "x", "train", tmp_path / "image.tif", listed.mask), OWN))


# --- the folder ---


def test_the_prepared_folder_by_its_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_own_folder(tmp_path / "streets", train=3, val=2)
    own = OwnData.model_validate(folder_entry()["own"])
    prepared = {}
    for workers in (1, 2):
        target = tmp_path / str(workers) / "own"
        assert prepare_own(own, tmp_path / "streets", target, workers) == {"train": 3, "val": 2, "test": 0}
        prepared[workers] = {path.relative_to(target): path.read_bytes() for path in target.rglob("*.*")}
    assert prepared[1] == prepared[2]
    entries = read_index(tmp_path / "1" / "own" / "index.csv")
    assert [entry.id for entry in entries] == ["train_000", "train_001", "train_002", "val_000", "val_001"]
    assert {(entry.width, entry.height) for entry in entries} == {SIZE}
    assert (entries[0].image, entries[1].image) == ("own/images/train_000.png", "own/images/train_001.jpg")
    mask = decode_mask((tmp_path / "1" / entries[1].mask).read_bytes(), "mask", len(CLASSES))
    truth = labels(1)
    np.testing.assert_array_equal(mask, np.where(truth == IGNORED, 255, truth))
    assert capsys.readouterr().err == ""


def test_a_wrong_entry_leaves_the_prepared_folder_as_it_was(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "streets", train=3, val=1)
    own = OwnData.model_validate(folder_entry()["own"])
    prepare_own(own, tmp_path / "streets", tmp_path / "own")
    before = {path: path.read_bytes() for path in (tmp_path / "own").rglob("*.*")}
    with pytest.raises(UserError, match=r"masks/train_000\.png: the mask has values that are no class, such as 77"):
        prepare_own(own.model_copy(update={"ignore": (255,)}), tmp_path / "streets", tmp_path / "own")
    assert {path: path.read_bytes() for path in (tmp_path / "own").rglob("*.*")} == before


def test_what_was_finished_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_own_folder(tmp_path / "streets", train=4, val=1)
    own = OwnData.model_validate(folder_entry()["own"])
    prepare_own(own, folder.root, tmp_path / "whole" / "own")
    made = []

    def stumble(task: tuple[OwnImage, OwnData]) -> Converted:
        if task[0].id in ("train_002", *made):
            raise UserError("stumbled")
        made.append(task[0].id)
        return convert(task)

    monkeypatch.setattr("exfuse.data.own.convert", stumble)
    with pytest.raises(UserError, match="stumbled"):
        prepare_own(own, folder.root, tmp_path / "own", identity="one")
    assert made == ["train_000", "train_001"]
    monkeypatch.setattr("exfuse.data.own.convert", lambda task: made.append(task[0].id) or convert(task))
    prepare_own(own, folder.root, tmp_path / "own", identity="one")
    assert made == ["train_000", "train_001", "train_002", "train_003", "val_000"]
    for path in (tmp_path / "whole" / "own").rglob("*.*"):
        assert (tmp_path / "own" / path.relative_to(tmp_path / "whole" / "own")).read_bytes() == path.read_bytes()


def test_masks_without_any_class_are_refused(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "streets", train=2, val=1)
    own = OwnData(classes=("tram", "ship"), first_value=200, ignore=(*range(len(CLASSES)), IGNORED), lists=LISTS,
                  images="images", masks="masks")  # fmt: skip
    with pytest.raises(UserError, match="no training mask has a pixel of any class"):
        prepare_own(own, tmp_path / "streets", tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_classes_that_never_occur_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_own_folder(tmp_path / "streets", train=2, val=1)
    own = OwnData.model_validate({**folder_entry()["own"], "classes": [*CLASSES, "tram"]})
    prepare_own(own, tmp_path / "streets", tmp_path / "own")
    assert capsys.readouterr().err == "note: these classes occur in no training mask: tram\n"
