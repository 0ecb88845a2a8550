"""`exfuse predict` where something is wrong: what it refuses, says, and leaves."""

import io
import os
import re
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from exfuse.commands import predict as command
from exfuse.errors import UserError
from exfuse.evaluation.predictor import Predictor
from exfuse.files import write_bytes
from exfuse.models.weights import load_weights, save_weights
from exfuse.spec.weights import read_segmenter_info
from tests.photographs import WEIGHTS, expected, files, photo, pixels
from tests.program import call
from tests.trained import write_weights


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with weights."""
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / WEIGHTS)
    return tmp_path


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


def test_a_name_that_no_disk_takes_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("a.jpg")
    long = f"{'n' * 300}.jpg"
    assert call(monkeypatch, "predict", WEIGHTS, long, "a.jpg") == 1
    assert capsys.readouterr().err == (
        f"error: 1 of 2 done; 1 failed:\n  cannot read {long}: File name too long.\n"
    )  # fmt: skip
    assert files("predictions") == {"a.png"}


def test_a_side_that_no_jpeg_has(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    photo("a.png")
    photo("wide.png", 1, 65501)
    assert call(monkeypatch, "predict", WEIGHTS, "wide.png", "a.png", "--overlay") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: 1 of 2 done; 1 failed:\n  wide.png: an overlay, which is a JPEG, has at most 65,500")
    assert files("predictions") == {"a.png", "a-overlay.jpg"}


def test_no_folder_is_made_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "predict", WEIGHTS, "absent.jpg", "-o", "new") == 1
    assert not Path("new").exists()


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
    monkeypatch.setattr(Predictor, "open", None)  # would be called for the first photograph
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "-o", "file") == 1
    assert capsys.readouterr().err == (
        "error: cannot write file: File exists. Something else lies there; set another place.\n"
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


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.jpg")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU here"):
        command.run(Path(WEIGHTS), ["a.jpg"], Path("out"), device="cuda")
    with pytest.raises(UserError, match="unknown device 'gpu'"):
        command.run(Path(WEIGHTS), ["a.jpg"], Path("out"), device="gpu")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
    ],
)
@pytest.mark.parametrize("where", ["decode_photograph", "label_bands"])
def test_a_photograph_too_large_for_the_memory_keeps_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, where: str
) -> None:
    for name in ("a.png", "c.png"):
        photo(name)
    photo("b.png", 50, 60)
    owner = command if where == "decode_photograph" else Predictor
    inner = getattr(owner, where)

    def outer(*given: Any) -> Any:
        if "b.png" in given or (where == "label_bands" and given[1].shape == (3, 50, 60)):
            raise error
        return inner(*given)

    monkeypatch.setattr(owner, where, outer)
    assert call(monkeypatch, "predict", WEIGHTS, "a.png", "b.png", "c.png") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: 2 of 3 done; 1 failed:\n  b.png: the memory does not suffice. Free some")
    assert files("predictions") == {"a.png", "c.png"}


def test_other_errors_of_torch_are_defects(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")

    def fail(*_: Any) -> None:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(Predictor, "label_bands", fail)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        command.run(Path(WEIGHTS), ["a.png"], Path("predictions"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: tensor.half(), r"of another type: \S+ float16 for float32"),
        (lambda tensor: tensor * float("nan"), "has values that are infinite or no numbers"),
    ],
)
def test_weights_that_predict_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    change: Callable[[torch.Tensor], torch.Tensor], message: str,
) -> None:  # fmt: skip
    photo("a.jpg")
    state = load_weights(Path(WEIGHTS))
    state |= {name: change(tensor) for name, tensor in state.items() if tensor.is_floating_point()}
    save_weights(Path(WEIGHTS), state, read_segmenter_info(Path(WEIGHTS)))
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg") == 1
    said = capsys.readouterr()
    assert re.search(message, said.err)
    assert (said.err.count("\n"), said.out, files("predictions")) == (1, "", set())


def test_a_pipe_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe.jpg")
    photo("a.jpg")
    assert call(monkeypatch, "predict", WEIGHTS, "pipe.jpg", "a.jpg") == 1
    assert "pipe.jpg: it is no file" in capsys.readouterr().err
    assert files("predictions") == {"a.png"}


def test_half_a_result_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.jpg")
    Path("predictions/a-overlay.jpg").mkdir(parents=True)
    assert call(monkeypatch, "predict", WEIGHTS, "a.jpg", "--overlay", "--overwrite") == 1
    assert not Path("predictions/a.png").exists()


def test_names_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("\x1b[2Ja.jpg").write_text("no image")
    assert call(monkeypatch, "predict", WEIGHTS, "\x1b[2Ja.jpg") == 1
    assert "\x1b" not in capsys.readouterr().err


def test_names_cannot_begin_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a\nerror: b.jpg").write_text("no image")
    assert call(monkeypatch, "predict", WEIGHTS, "a\nerror: b.jpg") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert "\n  a\ufffderror: b.jpg: it is no JPEG" in said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)  # fmt: skip
@pytest.mark.parametrize("old", [False, True])
def test_half_a_result_is_taken_back_when_the_program_is_told_to_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int, old: bool
) -> None:
    """The signal comes between mask and overlay or, where there is an old mask, before both."""
    photo("a.jpg")
    Path("text.jpg").write_text("no image")
    if old:
        Path("predictions").mkdir()
        Path("predictions/a.png").write_text("mine")

    def outer(target: Path, content: bytes) -> None:
        if old or target.suffix == ".jpg":
            signal.raise_signal(number)
        write_bytes(target, content)

    monkeypatch.setattr(command, "write_bytes", outer)
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    assert call(monkeypatch, "predict", WEIGHTS, "text.jpg", "a.jpg", "--overlay", "--overwrite") == code
    assert files("predictions") == ({"a.png"} if old else set())
    said = capsys.readouterr().err
    assert said.startswith("0 of 2 done; 1 failed:\n  text.jpg: it is no JPEG")
    assert said.endswith("interrupted; what is finished is kept\n") is (number == signal.SIGINT)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == handlers


class Unread(io.StringIO):
    """Standard output whose reader is gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_without_a_reader_it_ends_with_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.jpg").write_text("no image")
    for name in ("a.jpg", "b.jpg"):
        photo(name)
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # typer wraps both
    monkeypatch.setattr(sys, "stdout", Unread())
    assert call(monkeypatch, "predict", WEIGHTS, "text.jpg", "a.jpg", "b.jpg") == 1
    said = capsys.readouterr().err
    assert said.startswith("1 of 3 done; 1 failed:\n  text.jpg: it is no JPEG")
    assert said.count("\n") == 2
    assert files("predictions") == {"a.png"}


def test_letters_that_the_output_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    photo("caf\u00e9.jpg")
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    assert call(monkeypatch, "predict", WEIGHTS, "caf\u00e9.jpg") == 0
    assert out.getvalue().startswith(b"caf?.jpg ? predictions/caf?.png: ")
