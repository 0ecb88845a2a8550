"""The fast decoder against PIL, pixel by pixel, and what it must not be given."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from exfuse.data import decoding
from exfuse.data.decoding import decode_image, is_plain_jpeg
from exfuse.errors import UserError

SIZES = [(1, 1), (7, 13), (16, 17), (33, 201)]  # height, width
EXIF_ORIENTATION = 0x0112
FRAMES = (b"\xff\xc0", b"\xff\xc2")


def texture(height: int, width: int) -> Image.Image:
    """Smooth colours under noise, so that neither luma nor chroma is flat."""
    rng = np.random.default_rng(height * 1000 + width)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 4 + 2, width // 4 + 2, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + rng.integers(-20, 21, smooth.shape)).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def by_pil(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def frame_start(content: bytes) -> int:
    """Position of the frame header's marker; only in JPEGs without a thumbnail."""
    return max(content.find(marker) for marker in FRAMES)


def with_bytes(content: bytes, position: int, replacement: bytes) -> bytes:
    return content[:position] + replacement + content[position + len(replacement) :]


def with_adobe(content: bytes, *transform: int) -> bytes:
    segment = b"Adobe\x00\x64\x00\x00\x00\x00" + bytes(transform)
    return content[:2] + b"\xff\xee" + (2 + len(segment)).to_bytes(2, "big") + segment + content[2:]


@pytest.fixture
def without_pil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is decoded is decoded by the fast path."""

    def refuse(content: bytes, origin: str) -> None:
        raise AssertionError(f"{origin} was left to PIL")

    monkeypatch.setattr(decoding, "decode_rgb", refuse)


def assert_decoded_as_by_pil(content: bytes) -> None:
    image = decode_image(content)
    assert image.dtype == torch.uint8 and image.stride()[0] == 1
    assert np.array_equal(image.permute(1, 2, 0).numpy(), by_pil(content))


@pytest.mark.usefixtures("without_pil")
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
def test_pixels_are_pils(subsampling: str, progressive: bool) -> None:
    for height, width in SIZES:
        for restart in (0, 1, 3):
            options = {"subsampling": subsampling, "progressive": progressive, "restart_marker_blocks": restart}
            assert_decoded_as_by_pil(encoded(texture(height, width), quality=80, **options))


@pytest.mark.usefixtures("without_pil")
@pytest.mark.parametrize("progressive", [False, True])
def test_grey_becomes_rgb(progressive: bool) -> None:
    content = encoded(texture(37, 51).convert("L"), progressive=progressive)
    assert_decoded_as_by_pil(content)
    assert decode_image(content).unique(dim=0).shape[0] == 1


@pytest.mark.usefixtures("without_pil")
def test_what_does_not_matter_does_not_slow_down() -> None:
    content = encoded(texture(40, 30))
    assert_decoded_as_by_pil(content + b"\0" * 1000)  # trailing garbage
    assert_decoded_as_by_pil(content[:2] + b"\xff\xff" + content[2:])  # fill bytes before a marker
    assert_decoded_as_by_pil(with_adobe(content, 1))  # says YCbCr, which it is
    assert_decoded_as_by_pil(encoded(texture(40, 30), comment=b"\xff\xc9 is no marker here"))


@pytest.mark.usefixtures("without_pil")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_not_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    picture = texture(24, 40)
    turned = decode_image(encoded(picture, exif=exif))
    assert turned.shape == (3, 24, 40)
    assert torch.equal(turned, decode_image(encoded(picture)))


def odd_images() -> dict[str, bytes]:
    picture = texture(30, 20)
    plain = encoded(picture)
    deep = Image.fromarray((np.arange(600, dtype=np.uint16) * 109).reshape(30, 20))
    return {
        "png": encoded(picture, "PNG"),
        "16-bit png": encoded(deep, "PNG"),
        "cmyk": encoded(picture.convert("CMYK")),
        "ycck": with_adobe(encoded(picture.convert("CMYK")), 2),
        "rgb": encoded(picture, keep_rgb=True),
        "adobe rgb": with_adobe(plain, 0),
        "adobe without a transform": with_adobe(plain),
        "12 bits": with_bytes(plain, frame_start(plain) + 4, b"\x0c"),
        "two components": with_bytes(plain, frame_start(plain) + 9, b"\x02"),
        "no height": with_bytes(plain, frame_start(plain) + 5, b"\0\0"),
        "extended": with_bytes(plain, frame_start(plain), b"\xff\xc1"),
        "lossless": with_bytes(plain, frame_start(plain), b"\xff\xc3"),
        "arithmetic": with_bytes(plain, frame_start(plain), b"\xff\xc9"),
        "too large": with_bytes(plain, frame_start(plain) + 5, (50_000).to_bytes(2, "big") * 2),
        "cut in its header": plain[: frame_start(plain) + 6],
        "empty": b"",
        "text": b"no image",
    }


@pytest.mark.parametrize("kind", odd_images())
def test_odd_files_are_left_to_pil(kind: str) -> None:
    assert not is_plain_jpeg(odd_images()[kind])


@pytest.mark.parametrize("kind", ["png", "16-bit png", "cmyk", "ycck", "rgb", "adobe rgb", "extended", "arithmetic"])
def test_odd_files_that_pil_reads_are_read(kind: str) -> None:
    content = odd_images()[kind]
    if kind == "16-bit png":
        assert torch.equal(
            decode_image(content)[2],
            torch.from_numpy((np.asarray(Image.open(io.BytesIO(content))) // 257).astype(np.uint8)),
        )
    else:
        assert_decoded_as_by_pil(content)


@pytest.mark.parametrize("kind", ["12 bits", "two components", "lossless", "cut in its header", "text"])
def test_odd_files_that_nobody_reads_are_named(kind: str) -> None:
    with pytest.raises(UserError, match=r"^a\.JPEG in train\.tar: "):
        decode_image(odd_images()[kind], "a.JPEG in train.tar")


def test_too_many_pixels_are_refused_by_the_header() -> None:
    content = odd_images()["too large"]
    with pytest.raises(UserError, match=r"^a\.JPEG in train\.tar: the image (has 50000×50000 pixels|is too large)"):
        decode_image(content, "a.JPEG in train.tar")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_never_an_image(progressive: bool) -> None:
    content = encoded(texture(60, 50), progressive=progressive)
    for length in [*range(0, len(content) - 2, 97), len(content) - 2, len(content) - 1]:
        with pytest.raises(UserError, match=r"^a\.JPEG in train\.tar: "):
            decode_image(content[:length], "a.JPEG in train.tar")


def test_damage_is_pils_to_judge() -> None:
    rng = np.random.default_rng(0)
    content = encoded(texture(40, 30))
    read = refused = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[rng.integers(frame_start(content), len(content))] = rng.integers(256)
        try:
            expected = by_pil(bytes(damaged))
        except (OSError, SyntaxError):
            with pytest.raises(UserError, match=r"^here: "):
                decode_image(bytes(damaged), "here")
            refused += 1
        else:
            assert np.array_equal(decode_image(bytes(damaged)).permute(1, 2, 0).numpy(), expected)
            read += 1
    assert read > 20 and refused > 20


def test_real_photographs_are_pils_pixel_by_pixel(real_archives: Path) -> None:
    contents = []
    with tarfile.open(real_archives / "ILSVRC2012_img_val.tar") as tar:
        contents += [tar.extractfile(member).read() for member in tar]  # type: ignore[union-attr]
    with zipfile.ZipFile(real_archives / "val2017.zip") as archive:
        contents += [archive.read(name) for name in archive.namelist() if name.endswith(".jpg")]
    assert len(contents) == 40
    assert all(map(is_plain_jpeg, contents))
    for content in contents:
        assert_decoded_as_by_pil(content)
