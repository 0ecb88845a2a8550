"""`exfuse predict` as a person calls it: what it writes and says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from exfuse.data.labels import voc_palette
from exfuse.evaluation.predictor import Predictor
from tests.photographs import WEIGHTS, expected, files, photo, pixels
from tests.program import call, hear_ctrl_c
from tests.trained import CLASSES, LABELS, write_weights


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with weights."""
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / WEIGHTS)
    return tmp_path


def test_a_photograph(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    image = photo("a.jpg")
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg") == 0
    assert files("predictions") == {"a.png"}
    with Image.open("predictions/a.png") as mask:
        labels = np.asarray(mask)
        assert (mask.format, mask.mode, mask.getpalette()) == ("PNG", "P", list(voc_palette()))
    assert np.array_equal(labels, expected(image))
    assert set(np.unique(labels)) <= set(LABELS)
    assert len(np.unique(labels)) > 1
    said = capsys.readouterr().out
    assert said.startswith("a.jpg → predictions/a.png: ")
    counts = sorted(((labels == value).mean(), name) for name, value in zip(CLASSES, LABELS, strict=True))[::-1]
    shares = [f"{name} {share:.0%}" if share >= 0.005 else f"{name} <1%" for share, name in counts if share]
    assert said == f"a.jpg → predictions/a.png: {', '.join(shares)}\n"


def test_flip_and_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo("a.jpg")
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "--flip", "-o", "x/y") == 0
    flipped = np.asarray(Image.open("x/y/a.png"))
    assert np.array_equal(flipped, expected(image, flip=True))
    assert not np.array_equal(flipped, expected(image))


@pytest.mark.parametrize(("first", "left"), [("background", 90), ("road", 45)])
def test_an_overlay_colours_objects_and_leaves_the_background(
    folder: Path, monkeypatch: pytest.MonkeyPatch, first: str, left: int
) -> None:
    """VOC's colours are (128, 128, 128) for 7 and (64, 0, 0) for 8; of 0 it is black, which halves the photograph."""
    write_weights(folder / WEIGHTS, classes=(first, "car", "cat"), scores=None)
    Image.fromarray(np.full((200, 200, 3), 90, dtype=np.uint8)).save("a.png")
    labels = np.zeros((200, 200), dtype=np.uint8)
    labels[:100, 100:], labels[100:, 100:] = 7, 8
    monkeypatch.setattr(Predictor, "label_bands", lambda *_: iter([labels[:60], labels[60:]]))
    assert call(monkeypatch, "predict", WEIGHTS, "a.png", "--overlay") == 0
    assert files("predictions") == {"a.png", "a-overlay.jpg"}
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), labels)
    with Image.open("predictions/a-overlay.jpg") as overlay:
        assert (overlay.format, overlay.size) == ("JPEG", (200, 200))
        shown = np.asarray(overlay).astype(int)
    areas = {(left,) * 3: shown[:, :100], (109,) * 3: shown[:100, 100:], (77, 45, 45): shown[100:, 100:]}
    for colour, area in areas.items():
        inside = area[20:-20, 20:-20]  # away from contours, which JPEG smears
        assert np.abs(inside - colour).max() <= 4


def test_it_follows_exif_and_writes_as_the_picture_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pixels(30, 50)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # shown turned clockwise by a quarter
    Image.fromarray(image).save("a.png", exif=exif)
    assert call(monkeypatch, "predict", WEIGHTS, "a.png") == 0
    labels = np.asarray(Image.open("predictions/a.png"))
    assert labels.shape == (50, 30)
    assert np.array_equal(labels, expected(np.ascontiguousarray(np.rot90(image, -1))))


def test_a_large_photograph_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo("a.png", 150, 230)
    assert call(monkeypatch, "predict", WEIGHTS, "a.png") == 0
    labels = np.asarray(Image.open("predictions/a.png"))
    assert labels.shape == (150, 230)
    assert np.array_equal(labels, expected(image))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_one_pixel_wide(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    photo("a.png", *size)
    assert call(monkeypatch, "predict", WEIGHTS, "a.png", "--overlay", "--flip") == 0
    with Image.open("predictions/a.png") as mask:
        assert mask.size == size[::-1]


def test_cmyk_and_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(pixels()).convert("CMYK").save("ink.jpg")
    Image.fromarray(pixels()[:, :, 0].astype(np.uint16) * 257).save("deep.png")
    assert call(monkeypatch, "predict", WEIGHTS, "ink.jpg", "deep.png") == 0
    assert files("predictions") == {"ink.png", "deep.png"}
    grey = np.repeat(pixels()[:, :, :1], 3, axis=2)
    assert np.array_equal(np.asarray(Image.open("predictions/deep.png")), expected(grey))


# --- in a process of its own ---


def program(repo_root: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "exfuse.cli", "predict", WEIGHTS, *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    )


def test_names_that_are_no_text(repo_root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    Image.fromarray(pixels()).save(name)
    process = program(repo_root, name)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("caf\ufffd.png → predictions/caf\ufffd.png: ")
    assert os.listdir(b"predictions") == [b"caf\xe9.png"]


def test_ctrl_c_keeps_what_is_finished(repo_root: Path) -> None:
    photo("in/a.png")
    photo("in/b.png", 2500, 2500)
    process = program(repo_root, "in")
    for _ in range(600):
        if Path("predictions/a.png").exists():
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert files("predictions") == {"a.png"}
