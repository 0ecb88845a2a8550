import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from benchmarks.contents import png
from exfuse.data.images import decode_mask, decode_rgb, encode_mask, image_size, object_classes
from exfuse.data.labels import voc_palette
from exfuse.errors import UserError
from tests.data.publishers import jpeg, labels


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def header_only_png(width: int, height: int) -> bytes:
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content


def test_cmyk_jpeg_becomes_rgb() -> None:
    content = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    pixels = decode_rgb(content)
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 3


def test_png_grayscale_and_16_bit() -> None:
    colours = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(decode_rgb(saved(Image.fromarray(colours), "PNG")), colours)
    grey = decode_rgb(saved(Image.new("L", (3, 2), 77), "JPEG"))
    assert grey.shape == (2, 3, 3)
    assert np.ptp(grey) == 0
    deep = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    assert decode_rgb(saved(Image.fromarray(deep), "PNG"))[0, :, 0].tolist() == [0, 100, 255]


def test_exif_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif)
    assert decode_rgb(content).shape == (4, 8, 3)
    assert image_size(content, "x") == (8, 4)


def test_what_is_no_image_is_named() -> None:
    with pytest.raises(UserError, match=r"a\.jpg: it is no JPEG or PNG"):
        image_size(b"<html>404</html>", "a.jpg")
    with pytest.raises(UserError, match="no JPEG or PNG"):
        decode_rgb(saved(Image.new("RGB", (8, 4)), "BMP"))


def test_a_cut_jpeg_is_noticed_by_its_end() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise), "JPEG")
    assert image_size(content, "a.jpg") == (64, 64)
    with pytest.raises(UserError, match=r"a\.jpg: the image is damaged or cut short"):
        image_size(content[: len(content) // 2], "a.jpg")
    with pytest.raises(UserError, match="cut short"):
        decode_rgb(content[: len(content) // 2])


@pytest.mark.parametrize("side", [10_001, 50_000])
def test_huge_images_are_refused_by_their_header(side: int) -> None:
    with pytest.raises(UserError, match=r"a\.png: the image (is too large|has)"):
        image_size(header_only_png(side, side), "a.png")


def test_masks_keep_their_indices_and_get_vocs_colours() -> None:
    mask = labels(5, 3, 1, 15, 255, 20)
    content = encode_mask(mask)
    image = Image.open(io.BytesIO(content))
    assert image.mode == "P"
    assert bytes(image.getpalette()) == voc_palette()
    np.testing.assert_array_equal(np.asarray(image), mask)
    np.testing.assert_array_equal(decode_mask(content, "x"), mask)
    assert object_classes(mask) == (1, 15, 20)


def test_wrong_masks_are_refused() -> None:
    with pytest.raises(UserError, match=r"m\.png: the mask is RGB"):
        decode_mask(png(labels(4, 4), mode="RGB"), "m.png")
    with pytest.raises(UserError, match=r"m\.png: the mask holds the label 21"):
        decode_mask(png(labels(4, 4, 21)), "m.png")
    with pytest.raises(UserError, match="the mask is RGB"):
        decode_mask(jpeg(4, 4), "m.png")
