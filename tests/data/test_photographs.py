"""Photographs as a viewer shows them: every common format and depth, and all eight orientations of EXIF."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from exfuse.data.photographs import decode_photograph, turned
from exfuse.errors import UserError


def picture(height: int = 30, width: int = 44) -> NDArray[np.uint8]:
    """A corner in each colour on slopes that no compression loses: red top left, green top right, blue bottom left."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows * 2, columns * 2, np.full_like(rows, 40)], axis=2).astype(np.uint8)
    pixels[:10, :10], pixels[:10, -10:], pixels[-10:, :10] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return pixels


def encoded(image: Image.Image, format: str, orientation: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    if orientation != 1:
        exif[ExifTags.Base.Orientation] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("format", LOSSLESS)
def test_formats(format: str) -> None:
    pixels = picture()
    found = decode_photograph(encoded(Image.fromarray(pixels), format, **LOSSLESS[format]), "a")
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels)


CORNERS = {1: "rgb-", 2: "gr-b", 3: "-bgr", 4: "b-rg", 5: "rbg-", 6: "br-g", 7: "-gbr", 8: "g-rb"}
"""Colours of the top left, top right, bottom left and bottom right corner when shown, by where EXIF's table puts the
stored picture's row 0 and column 0 (their corner is red)."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientations(format: str, orientation: int) -> None:
    options: dict[str, Any] = {"quality": 100, "subsampling": 0} if format == "JPEG" else LOSSLESS[format]
    content = encoded(Image.fromarray(picture()), format, orientation, **options)
    shown = decode_photograph(content, "a")
    assert shown.shape == ((44, 30, 3) if orientation > 4 else (30, 44, 3))
    corners = [shown[y, x].astype(int) for y in (3, -4) for x in (3, -4)]
    assert "".join("rgb"[corner.argmax()] if corner.max() > 200 else "-" for corner in corners) == CORNERS[orientation]
    with Image.open(io.BytesIO(content)) as image:
        assert np.array_equal(shown, np.asarray(ImageOps.exif_transpose(image)))
    assert shown.flags.c_contiguous


@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_is_left_where_pixels_are_wanted_as_stored(orientation: int) -> None:
    content = encoded(Image.fromarray(picture()), "PNG", orientation)
    assert np.array_equal(decode_photograph(content, "a", displayed=False), picture())
    tiff = encoded(Image.fromarray(picture()), "TIFF", orientation)
    with pytest.raises(UserError, match=f"a: the TIFF has orientation {orientation}"):
        decode_photograph(tiff, "a", displayed=False)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_turns_nothing(orientation: int) -> None:
    content = encoded(Image.fromarray(picture()), "PNG", orientation)
    assert np.array_equal(decode_photograph(content, "a"), picture())
    assert np.array_equal(turned(picture(), orientation), picture())


@pytest.mark.parametrize(("format", "before"), [("JPEG", b"Exif\0\0"), ("WEBP", b"EXIF")])
def test_broken_exif_turns_nothing(format: str, before: bytes) -> None:
    content = encoded(Image.fromarray(picture()), format, 6)
    start = content.index(b"MM\0*", content.index(before))
    broken = content[:start] + b"XX" + content[start + 2 :]
    assert decode_photograph(content, "a").shape == (44, 30, 3)
    assert decode_photograph(broken, "a").shape == (30, 44, 3)


def test_grey_of_16_bits_is_scaled() -> None:
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for format in ("PNG", "TIFF"):
        found = decode_photograph(encoded(Image.fromarray(deep), format, 3), "a")
        assert found[0, :, 0].tolist() == [255, 128, 1, 0]
        assert (found == found[:, :, :1]).all()


def test_cmyk_is_shown_as_rgb() -> None:
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))  # cyan alone
    for format in ("JPEG", "TIFF"):
        found = decode_photograph(encoded(ink, format), "a").reshape(-1, 3).astype(int)
        assert (abs(found - [0, 255, 255]) <= 3).all()


@pytest.mark.parametrize(("mode", "expected"), [("LA", [80, 80, 80]), ("RGBA", [10, 200, 30]), ("P", [10, 200, 30])])
def test_transparency_is_dropped_and_palettes_are_looked_up(mode: str, expected: list[int]) -> None:
    if mode == "LA":
        image = Image.new("LA", (3, 3), (80, 0))
    elif mode == "RGBA":
        image = Image.new("RGBA", (3, 3), (10, 200, 30, 0))
    else:
        image = Image.new("P", (3, 3), 1)
        image.putpalette([0, 0, 0, 10, 200, 30])
    found = decode_photograph(encoded(image, "PNG"), "a")
    assert found.reshape(-1, 3).tolist() == [expected] * 9


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_one_pixel_wide(size: tuple[int, int]) -> None:
    pixels = picture(60, 60)[: size[0], : size[1]]
    assert np.array_equal(decode_photograph(encoded(Image.fromarray(pixels), "PNG"), "a"), pixels)


def test_the_header_decides_not_the_name(tmp_path: Path) -> None:
    assert decode_photograph(encoded(Image.fromarray(picture()), "PNG"), "photo.jpg").shape == (30, 44, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.jpg: it is no JPEG or PNG or TIFF or BMP or WEBP image"),
        (b"GIF89a", r"a\.jpg: it is no JPEG"),
        (encoded(Image.fromarray(picture()), "JPEG")[:-200], r"a\.jpg: the image is damaged or cut short"),
        (encoded(Image.fromarray(picture()), "PNG")[:-60], r"a\.jpg: the image is damaged or cut short"),
        (encoded(Image.new("F", (3, 3)), "TIFF"), r"a\.jpg: its values have 32 bits"),
        (encoded(Image.new("I", (3, 3)), "TIFF"), r"a\.jpg: its values have 32 bits"),
        (encoded(Image.new("1", (20000, 10000)), "PNG"), r"a\.jpg: the image (is too large|has 20000×10000 pixels)"),
    ],
)
def test_refusals(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        decode_photograph(content, "a.jpg")


def test_messages_name_no_object_in_memory() -> None:
    with pytest.raises(UserError, match=r"^a\.gif: it is no JPEG or PNG or TIFF or BMP or WEBP image\.$"):
        decode_photograph(b"GIF89a", "a.gif")


def test_transparency_of_a_palette_is_dropped_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    content = io.BytesIO()
    picture.save(content, "PNG", transparency=b"\x00\x80")
    assert decode_photograph(content.getvalue(), "a.png").tolist() == [[[10, 20, 30], [10, 20, 30]]]
    assert not recwarn.list


@pytest.mark.parametrize("kind", [2, 5, 11, 12])
def test_a_tiff_whose_pixels_lie_at_a_fraction_or_text_is_damaged(kind: int) -> None:
    """TIFF 6.0: the directory stands where bytes 4–7 say, with 12 bytes an entry: tag, type, count, value."""
    content = bytearray(encoded(Image.fromarray(picture()), "TIFF"))
    (at,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, at)
    strip_offsets = struct.pack("<H", 273)
    (place,) = (p for p in range(at + 2, at + 2 + 12 * entries, 12) if content[p : p + 2] == strip_offsets)
    struct.pack_into("<H", content, place + 2, kind)
    with pytest.raises(UserError, match=r"^a\.tif: the image is damaged or cut short"):
        decode_photograph(bytes(content), "a.tif")
