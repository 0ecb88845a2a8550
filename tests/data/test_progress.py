import io
import sys
from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace

import pytest

from exfuse.data import progress as module
from exfuse.data.progress import Progress, progress, say


def test_in_a_log_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = count()  # one goes by with each image
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    images = list(progress(range(150), 1000, "COCO train"))
    assert images == list(range(150))
    assert capsys.readouterr().err == ("COCO train: 59 of 1,000 images (6%)\nCOCO train: 119 of 1,000 images (12%)\n")


def test_bytes_of_known_and_unknown_totals(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("file", "bytes", line_seconds=0.0) as display:
        display.show(250, 1000)
        display.show(300, None)
        display.tell("the server is slow")
    assert capsys.readouterr().err == "file: 250 of 1,000 bytes (25%)\nfile: 300 bytes\nthe server is slow\n"


def test_short_work_says_nothing_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("abc", 3, "work")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for _ in progress(range(3), 3, "COCO train"):
        say("a line")
    shown = terminal.getvalue()
    assert shown.startswith("\rCOCO train:   0%") and "0/3" in shown
    assert "a line\n" in shown
    assert shown.endswith(" \r")


def test_a_bar_says_what_goes_on_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(module, "BAR_SECONDS", 0.0)
    with Progress("predict", "photographs") as display:
        for done in range(3):
            for share in (25, 75):
                display.what = f"predict ({share}% of one)"
                display.show(done, 3)
                shown = terminal.getvalue().rsplit("\r", maxsplit=1)[-1]
                assert shown.startswith(f"predict ({share}% of one): ")
                assert f" {done}/3 " in shown


def test_the_work_ends_where_its_items_fail(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(progress(failing(), None, "work"))
    assert capsys.readouterr().err == ""
