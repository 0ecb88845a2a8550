"""The test server's archive: there and back, and every reason to refuse one."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.errors import UserError
from exfuse.evaluation.submission import check_submission, write_submission

FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"
SIZES = {"2008_000001": (12, 9), "2008_000002": (7, 20), "2011_003145": (5, 5)}


def predictions() -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 21, (height, width)).astype(np.uint8) for name, (width, height) in SIZES.items()}


def png(labels: NDArray[np.uint8], mode: str = "P", palette: bytes = voc_palette()) -> bytes:
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette(palette)
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def pack(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def good_members() -> dict[str, bytes]:
    return {f"{FOLDER}/{name}.png": png(labels) for name, labels in predictions().items()}


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "results.tar.gz"
    write_submission(predictions().items(), path)
    check_submission(path, SIZES)
    with tarfile.open(path, "r:gz") as archive:
        assert sorted(archive.getnames()) == sorted(f"{FOLDER}/{name}.png" for name in SIZES)
        for name, labels in predictions().items():
            stream = archive.extractfile(f"{FOLDER}/{name}.png")
            assert stream is not None
            image = Image.open(stream)
            assert image.mode == "P"
            assert np.array_equal(np.asarray(image), labels)
            assert image.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
            assert np.array_equal(np.asarray(image.convert("RGB"))[labels == 15][0], [192, 128, 128])


def test_the_same_predictions_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    write_submission(predictions().items(), tmp_path / "one.tar.gz")
    write_submission(reversed(predictions().items()), tmp_path / "two.tar.gz")
    content = (tmp_path / "one.tar.gz").read_bytes()
    assert content == (tmp_path / "two.tar.gz").read_bytes()
    assert content[4:8] == bytes(4)  # gzip's time of writing


def test_void_in_a_prediction_and_an_image_twice_are_refused(tmp_path: Path) -> None:
    void = np.full((5, 5), 255, dtype=np.uint8)
    with pytest.raises(ValueError, match="holds the label 255"):
        write_submission([("a", void)], tmp_path / "results.tar.gz")
    with pytest.raises(ValueError, match="twice"):
        write_submission([("a", void * 0), ("a", void * 0)], tmp_path / "results.tar.gz")
    assert not list(tmp_path.iterdir())


def test_an_archive_packed_by_hand_with_its_folders_is_accepted(tmp_path: Path) -> None:
    path = pack(tmp_path / "results.tar.gz", good_members())
    check_submission(path, SIZES)
    with tarfile.open(path, "w:gz") as archive:
        parts = FOLDER.split("/")
        for depth in range(1, len(parts) + 1):
            folder = tarfile.TarInfo("/".join(parts[:depth]))
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        for name, content in good_members().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    check_submission(path, SIZES)


LAST = f"{FOLDER}/2011_003145.png"
LABELS = np.zeros((5, 5), dtype=np.uint8)
GREY_PALETTE = bytes(value for value in range(256) for _ in range(3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({LAST: None}, r"lacks 1 of 3 test images: 2011_003145"),
        ({f"{FOLDER}/2007_000033.png": png(LABELS)}, r"2007_000033\.png, which is no test image"),
        ({LAST: None, "2011_003145.png": png(LABELS)}, r"only files results/VOC2012"),
        ({LAST: None, LAST.replace("comp6", "comp5"): png(LABELS)}, r"only files results/VOC2012"),
        ({LAST: None, f"../{LAST}": png(LABELS)}, r"only files results/VOC2012"),
        ({LAST: None, LAST.replace(".png", ".jpg"): png(LABELS)}, r"only files results/VOC2012"),
        ({LAST: png(LABELS, "RGB")}, r"is a RGB image, not an indexed PNG"),
        ({LAST: png(LABELS, "L")}, r"is a L image, not an indexed PNG"),
        ({LAST: png(LABELS[:4])}, r"has 5×4 pixels, its image 5×5"),
        ({LAST: png(LABELS + 255)}, r"holds the label 255"),
        ({LAST: png(LABELS + 21)}, r"holds the label 21"),
        ({LAST: png(LABELS, palette=GREY_PALETTE)}, r"another palette"),
        ({LAST: png(LABELS)[:-20]}, r"2011_003145\.png in \S+: the image is damaged or cut short"),
        ({LAST: b"GIF89a"}, r"2011_003145\.png in \S+: it is no PNG image"),
        ({LAST: b"\0" * ((16 << 20) + 1)}, r"more than any mask needs"),
    ],
)
def test_refusals(tmp_path: Path, changes: Mapping[str, bytes | None], message: str) -> None:
    members = {name: content for name, content in (good_members() | dict(changes)).items() if content is not None}
    path = pack(tmp_path / "results.tar.gz", members)
    with pytest.raises(UserError, match=message) as caught:
        check_submission(path, SIZES)
    assert str(path) in str(caught.value)


def test_a_member_twice_and_a_link_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.tar.gz"
    content = png(LABELS)
    for kind, message in ((tarfile.REGTYPE, "twice"), (tarfile.SYMTYPE, "only files")):
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo(LAST)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            member.type, member.linkname = kind, "/etc/hostname"
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(content))
        with pytest.raises(UserError, match=message):
            check_submission(path, SIZES)


@pytest.mark.parametrize("damage", ["absent", "cut", "plain tar", "text"])
def test_an_unreadable_archive_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "results.tar.gz"
    if damage != "absent":
        write_submission(predictions().items(), path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    elif damage == "plain tar":
        with tarfile.open(path, "w"):
            pass
    elif damage == "text":
        path.write_text("results")
    with pytest.raises(UserError, match=r"results\.tar\.gz is no readable"):
        check_submission(path, SIZES)


@pytest.mark.parametrize("cut", [1, 4, 8, 9])
def test_an_archive_without_its_checksum_is_refused(tmp_path: Path, cut: int) -> None:
    """gzip ends in a CRC and a length of four bytes each; the tar is whole before them."""
    path = tmp_path / "results.tar.gz"
    write_submission(predictions().items(), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"results\.tar\.gz is no readable"):
        check_submission(path, SIZES)
