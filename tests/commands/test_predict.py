"""`exfuse predict` as a person calls it: what it writes, says, refuses, and leaves when something is wrong."""

import io
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image

import exfuse
from exfuse.commands.photograph_list import list_photographs
from exfuse.data.labels import voc_palette
from tests.program import call, hear_ctrl_c
from tests.trained import CLASSES, LABELS, write_weights

WEIGHTS = "weights.safetensors"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with weights."""
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / WEIGHTS)
    return tmp_path


def pixels(height: int = 40, width: int = 50, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def photo(path: str, height: int = 40, width: int = 50, seed: int = 0) -> NDArray[np.uint8]:
    """Writes a photograph without loss, whatever its name says."""
    image = pixels(height, width, seed)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "PNG")
    return image


def expected(image: NDArray[np.uint8], flip: bool = False) -> NDArray[np.uint8]:
    """The labels by the public function for Python."""
    return exfuse.load(WEIGHTS).labels(torch.from_numpy(image).permute(2, 0, 1)[None], flip)[0].numpy()


def files(below: str = ".") -> set[str]:
    return {str(path.relative_to(below)) for path in Path(below).rglob("*") if path.is_file()} - {WEIGHTS}


# --- what it writes ---


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


def test_an_overlay_colours_objects_and_leaves_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.full((200, 200, 3), 90, dtype=np.uint8)).save("a.png")
    assert call(monkeypatch, "predict", WEIGHTS, "a.png", "--overlay") == 0
    assert files("predictions") == {"a.png", "a-overlay.jpg"}
    with Image.open("predictions/a-overlay.jpg") as overlay:
        assert (overlay.format, overlay.size) == ("JPEG", (200, 200))


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


# --- which photographs ---


def test_folders_keep_their_shape_and_hidden_or_other_files_do_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in/b.JPG", "in/a.png", "in/sub/a.png", "in/.hidden.png", "in/.thumbnails/c.png"):
        photo(name)
    Path("in/notes.txt").write_text("text")
    assert call(monkeypatch, "predict", WEIGHTS, "in") == 0
    assert files("predictions") == {"a.png", "b.png", "sub/a.png"}
    assert [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "in/a.png",
        "in/b.JPG",
        "in/sub/a.png",
    ]


def test_results_in_the_folder_are_no_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.jpg")
    for _ in range(2):
        assert call(monkeypatch, "predict", WEIGHTS, ".", "--overwrite", "--overlay") == 0
    assert files("predictions") == {"a.png", "a-overlay.jpg"}


def test_patterns_that_no_shell_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("in/b.jpg", "in/a.jpg", "in/c.png", "in/deep/er/d.jpg", "odd[1].jpg"):
        photo(name)
    names = [str(found.path) for found in list_photographs(["in/**/*.jpg", "odd[1].jpg", "in/?.png"], Path("out"))]
    assert names == ["in/a.jpg", "in/b.jpg", "in/deep/er/d.jpg", "odd[1].jpg", "in/c.png"]
    assert call(monkeypatch, "predict", WEIGHTS, "in/*.jpg", "odd[1].jpg") == 0
    assert files("predictions") == {"a.png", "b.png", "odd[1].png"}


def test_two_photographs_of_one_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    first = photo("x/a.jpg", seed=1)
    photo("y/a.png", seed=2)
    assert call(monkeypatch, "predict", WEIGHTS, "x/a.jpg", "y/a.png") == 1
    said = capsys.readouterr().err
    assert "1 of 2 done; 1 failed:" in said
    assert "y/a.png: it would be written to predictions/a.png, as x/a.jpg" in said
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), expected(first))


# --- what fails ---


def test_what_fails_is_listed_and_the_others_are_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("good.jpg")
    photo("last.jpg", seed=3)
    Path("text.jpg").write_text("no image")
    content = io.BytesIO()
    Image.fromarray(pixels(200, 200)).save(content, "JPEG")
    Path("cut.jpg").write_bytes(content.getvalue()[: len(content.getvalue()) // 2])
    Path("empty").mkdir()
    words = ("good.jpg", "text.jpg", "cut.jpg", "absent.jpg", "none*.jpg", "empty", "last.jpg")
    assert call(monkeypatch, "predict", WEIGHTS, *words) == 1
    out, err = capsys.readouterr()
    assert [line.split(" ")[0] for line in out.splitlines()] == ["good.jpg", "last.jpg"]
    lines = err.splitlines()
    assert lines[0] == "error: 2 of 7 done; 5 failed:"
    starts = ["text.jpg: it is no JPEG", "cut.jpg: the image is damaged", "cannot read absent.jpg: No such file"]
    starts += ["none*.jpg: no file matches", "empty: it holds no photograph"]
    assert len(lines) == 6
    for line, start in zip(lines[1:], starts, strict=True):
        assert line.startswith(f"  {start}")
    assert files("predictions") == {"good.png", "last.png"}


def test_results_that_exist_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    image = photo("a.jpg")
    Path("predictions").mkdir()
    Path("predictions/a.png").write_text("mine")
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg") == 1
    assert "a.jpg: predictions/a.png exists. Choose another folder with `--output`, or say" in capsys.readouterr().err
    assert Path("predictions/a.png").read_text() == "mine"
    Path("predictions/a-overlay.jpg").write_text("mine")
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "--overwrite") == 0
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), expected(image))
    assert Path("predictions/a-overlay.jpg").read_text() == "mine"
    Path("predictions/a.png").unlink()
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "--overlay") == 1
    assert files("predictions") == {"a-overlay.jpg"}


def test_a_place_that_cannot_be_written_is_told_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("a.jpg")
    Path("file").write_text("a file")
    monkeypatch.setattr(exfuse.evaluation.predictor.Predictor, "open", None)  # would be called for the first photograph
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "-o", "file") == 1
    assert capsys.readouterr().err == (
        "error: cannot write file: File exists. Give the folder write permission and space, or set another place.\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    photo("a.jpg")
    Path("locked").mkdir()
    Path("locked").chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "-o", "locked") == 1
    assert "cannot write locked: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["absent", "cut", "pickle", "classes", "other"])
def test_weights_that_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    photo("a.jpg")
    content = Path(WEIGHTS).read_bytes()
    changed = {
        "cut": content[:-100],
        "pickle": b"PK\x03\x04" + content,
        "classes": content.replace(b'\\"num_classes\\":3', b'\\"num_classes\\":4'),
        "other": b"\x02\0\0\0\0\0\0\0{}",
    }
    Path(WEIGHTS).unlink()
    if damage != "absent":
        assert changed[damage] != content
        Path(WEIGHTS).write_bytes(changed[damage])
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg") == 1
    said = capsys.readouterr().err
    message = {
        "absent": "is missing",
        "cut": "cut short",
        "pickle": "pickle",
        "classes": "3 class names",
        "other": "another",
    }
    assert said.startswith("error: ")
    assert message.get(damage, "another program") in said
    assert said.count("\n") == 1
    assert not Path("predictions").exists()


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from exfuse.commands.predict import run
    from exfuse.errors import UserError

    photo("a.jpg")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU here"):
        run(Path(WEIGHTS), ["a.jpg"], Path("out"), device="cuda")
    with pytest.raises(UserError, match="unknown device 'gpu'"):
        run(Path(WEIGHTS), ["a.jpg"], Path("out"), device="gpu")


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
