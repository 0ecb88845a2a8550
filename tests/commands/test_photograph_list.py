"""Which photographs `exfuse predict` takes files, folders and patterns for, and that it never replaces one."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exfuse.commands.photograph_list import list_photographs
from exfuse.errors import UserError
from tests.photographs import WEIGHTS, expected, files, photo
from tests.program import call
from tests.trained import write_weights


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with weights."""
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / WEIGHTS)
    return tmp_path


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


def test_a_pattern_of_folders_alone_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("in/a.jpg")
    assert call(monkeypatch, "predict", WEIGHTS, "i*") == 1
    assert "0 of 1 done; 1 failed:\n  i*: it matches folders alone" in capsys.readouterr().err


def test_a_folder_below_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("in/a.jpg", "in/locked/b.jpg", "in/open/c.jpg"):
        photo(name)
    inner = os.scandir

    def outer(folder: Any) -> Any:
        if str(folder).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return inner(folder)

    monkeypatch.setattr(os, "scandir", outer)
    problems = {str(found.path): found.problem for found in list_photographs(["in"], Path("out"))}
    assert list(problems) == ["in/a.jpg", "in/open/c.jpg", "in/locked"]
    assert [bool(problem) for problem in problems.values()] == [False, False, True]
    assert problems["in/locked"].startswith("cannot be searched: Permission denied.")
    (only,) = list_photographs(["in/locked"], Path("out"))
    assert only.problem == problems["in/locked"]


def test_a_folder_behind_a_link_below_is_not_searched() -> None:
    photo("in/a.jpg")
    photo("elsewhere/b.jpg")
    Path("in/link").symlink_to("../elsewhere")
    assert [str(found.path) for found in list_photographs(["in"], Path("out"))] == ["in/a.jpg"]


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(UserError, match="a PHOTO is empty"):
        list_photographs(["a.jpg", ""], Path("out"))


def test_two_photographs_of_one_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    first = photo("x/a.jpg", seed=1)
    photo("y/a.png", seed=2)
    assert call(monkeypatch, "predict", WEIGHTS, "x/a.jpg", "y/a.png") == 1
    said = capsys.readouterr().err
    assert "1 of 2 done; 1 failed:" in said
    assert "y/a.png: it would be written to predictions/a.png, as x/a.jpg was" in said
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), expected(first))
    assert call(monkeypatch, "predict", WEIGHTS, "x/a.jpg", "y/a.png", "--overwrite") == 1
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), expected(first))


def test_a_photograph_that_failed_keeps_none_of_its_name_from_being_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x").mkdir()
    Path("x/a.jpg").write_text("no image")
    second = photo("y/a.jpg", seed=2)
    photo("z/a.jpg", seed=3)
    assert call(monkeypatch, "predict", WEIGHTS, "x/a.jpg", "absent/a.jpg", "y/a.jpg", "z/a.jpg") == 1
    said = capsys.readouterr().err
    assert "1 of 4 done; 3 failed:" in said
    assert "z/a.jpg: it would be written to predictions/a.png, as y/a.jpg was" in said
    assert np.array_equal(np.asarray(Image.open("predictions/a.png")), expected(second))


# --- results among photographs ---


@pytest.mark.parametrize("output", ["ph", "./ph/../ph", "link"])
def test_the_output_folder_is_none_that_is_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    photo("ph/a.jpg")
    photo("b.jpg")
    Path("link").symlink_to("ph")
    assert call(monkeypatch, "predict", WEIGHTS, "b.jpg", "ph", "-o", output, "--overwrite") == 1
    said = capsys.readouterr()
    assert "is searched for photographs, and the results would go there too" in said.err
    assert said.out == ""
    assert files("ph") == {"a.jpg"}


def test_a_photograph_is_never_replaced_by_its_mask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = photo("ph/a.png")
    other = photo("ph/b.jpg", seed=1)
    assert call(monkeypatch, "predict", WEIGHTS, "ph/a.png", "ph/b.jpg", "-o", "ph", "--overwrite") == 1
    said = capsys.readouterr().err
    assert "1 of 2 done; 1 failed:\n  ph/a.png: its result ph/a.png would replace a photograph" in said
    assert np.array_equal(np.asarray(Image.open("ph/a.png")), image)
    assert np.array_equal(np.asarray(Image.open("ph/b.png")), expected(other))


def test_a_photograph_is_never_replaced_by_another_ones_overlay_or_by_another_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = {name: photo(name, seed=seed) for seed, name in enumerate(("ph/a.jpg", "ph/a-overlay.jpg", "kept/c.png"))}
    Path("ph/c.bmp").symlink_to("../kept/c.png")
    words = ("ph/a.jpg", "ph/a-overlay.jpg", "ph/c.bmp")
    assert call(monkeypatch, "predict", WEIGHTS, *words, "-o", "ph", "--overwrite") == 0
    Path("ph/c.png").unlink()
    Path("ph/c.png").hardlink_to("kept/c.png")
    assert call(monkeypatch, "predict", WEIGHTS, *words, "-o", "ph", "--overwrite", "--overlay") == 1
    said = capsys.readouterr().err
    assert "ph/a.jpg: its result ph/a-overlay.jpg would replace" in said
    assert "ph/c.bmp: its result ph/c.png would replace" in said
    for name, image in images.items():
        assert np.array_equal(np.asarray(Image.open(name)), image)
