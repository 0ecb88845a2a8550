"""States: whole or not counted, of the job alone, the last two kept, also where the disk has no room."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from exfuse.errors import UserError
from exfuse.training.state import StateFolder


@pytest.fixture
def states(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state", "key of the job")


def _content(step: int) -> dict[str, Any]:
    return {"done": step, "model": {"weight": torch.full((3, 2), float(step))}, "rows": [{"step": step, "loss": "1.5"}]}


def _steps(states: StateFolder) -> list[str]:
    return sorted(path.name for path in states.folder.iterdir())


def test_what_was_saved_comes_back(states: StateFolder) -> None:
    assert states.latest() is None
    content = _content(7)
    content["model"]["map"] = torch.randn(1, 8, 4, 4).to(memory_format=torch.channels_last)
    states.save(7, content)
    latest = states.latest()
    assert latest is not None
    assert latest["done"] == 7 and latest["rows"] == content["rows"]
    for name, tensor in content["model"].items():
        assert torch.equal(latest["model"][name], tensor) and latest["model"][name].stride() == tensor.stride()


def test_the_last_two_are_kept(states: StateFolder) -> None:
    for step in (5, 10, 15):
        states.save(step, _content(step))
    assert _steps(states) == ["step000000010.json", "step000000010.pt", "step000000015.json", "step000000015.pt"]
    assert (states.latest() or {})["done"] == 15


def test_the_note_holds_the_files_digest(states: StateFolder) -> None:
    states.save(5, _content(5))
    digest = subprocess.run(
        ["sha256sum", states.folder / "step000000005.pt"], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    assert json.loads((states.folder / "step000000005.json").read_text())["sha256"] == digest


def _flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 8)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("damage", [_flip_a_bit, _cut, _empty, Path.unlink])
@pytest.mark.parametrize("suffix", ["pt", "json"])
def test_a_damaged_newest_state_makes_the_one_before_count(
    states: StateFolder, damage: Any, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    states.save(5, _content(5))
    states.save(10, _content(10))
    damage(states.folder / f"step000000010.{suffix}")
    assert (states.latest() or {})["done"] == 5
    if suffix == "pt" or damage is not Path.unlink:
        assert "step000000010" in capsys.readouterr().err
    states.save(7, _content(7))  # the training goes on from 5; what was damaged is gone
    assert (states.latest() or {})["done"] == 7
    assert [name for name in _steps(states) if name.endswith("json")] == ["step000000005.json", "step000000007.json"]


def test_states_of_another_job_do_not_count(states: StateFolder) -> None:
    states.save(5, _content(5))
    other = StateFolder(states.folder, "another key")
    assert other.latest() is None
    other.save(2, _content(2))
    assert (other.latest() or {})["done"] == 2
    assert states.latest() is None


def test_a_state_is_data_and_no_program(states: StateFolder) -> None:
    class Program:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, ("true",)

    states.save(5, {"done": 5, "model": Program()})
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        states.latest()


def test_a_process_that_is_killed_while_it_writes_leaves_the_state_before(states: StateFolder) -> None:
    states.save(5, _content(5))
    (states.folder / ".step000000010.x7.pt").write_bytes(b"half of it")  # temporary
    (states.folder / "step000000010.pt").write_bytes(b"without a note")
    assert (states.latest() or {})["done"] == 5
    states.save(10, _content(10))
    assert len(_steps(states)) == 4  # two states with their notes, and nothing of the killed process


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_leaves_the_states_before(small_disk: Path) -> None:
    states = StateFolder(small_disk / "state", "key")

    def content(step: int) -> dict[str, Any]:
        return {"done": step, "model": torch.zeros(75_000)}  # 300 kB

    states.save(5, content(5))
    states.save(10, content(10))
    filler = small_disk / "filler"
    filler.write_bytes(bytes(300_000))
    with pytest.raises(UserError, match=r"cannot write .*step000000015\.pt: No space left on device"):
        states.save(15, content(15))
    assert (states.latest() or {})["done"] == 10
    assert [name for name in _steps(states) if name.endswith("pt")] == ["step000000005.pt", "step000000010.pt"]
    assert states.make_room()
    states.save(15, content(15))
    assert (states.latest() or {})["done"] == 15
    assert not StateFolder(small_disk / "none", "key").make_room()


def test_room_is_made_without_the_state_that_was_gone_on_from(states: StateFolder) -> None:
    """A newer one is damaged, and another job's is newer still."""
    states.save(5, _content(5))
    states.save(10, _content(10))
    _cut(states.folder / "step000000010.pt")
    again = StateFolder(states.folder, "key of the job")
    assert (again.latest() or {})["done"] == 5
    (states.folder / "step000000300.json").write_text(
        json.dumps({"step": 300, "key": "another", "sha256": "0", "stretches": []})
    )
    assert again.make_room()
    assert _steps(states) == ["step000000005.json", "step000000005.pt"]
    assert (again.latest() or {})["done"] == 5


def test_what_else_lies_there_stays(states: StateFolder) -> None:
    states.folder.mkdir(parents=True)
    (states.folder / "val").mkdir()
    for step in (1, 2, 3):
        states.save(step, _content(step))
    assert (states.folder / "val").is_dir()


def test_each_process_that_had_a_share_is_noted(tmp_path: Path) -> None:
    first = StateFolder(tmp_path, "key", {"code": "a"})
    assert first.latest() is None
    first.save(5, _content(5))
    second = StateFolder(tmp_path, "key", {"code": "b"})
    second.latest()
    second.save(9, _content(9))
    third = StateFolder(tmp_path, "key", {"code": "b"})
    third.latest()
    assert third.stretches == [
        {"from_step": 0, "code": "a"}, {"from_step": 5, "code": "b"}, {"from_step": 9, "code": "b"},
    ]  # fmt: skip
