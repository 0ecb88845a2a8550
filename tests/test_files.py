"""Files appear whole or not at all, and a disk that takes no more is one sentence."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.files import (
    atomic_folder,
    atomic_path,
    is_file,
    read_json,
    write_bytes,
    write_json,
    write_text,
)
from tests.disk import full_disk


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- files ---


def test_json_of_a_name_in_another_encoding_is_read_back(tmp_path):
    write_json(tmp_path / "a.json", {"name": "\udce9"})
    assert read_json(tmp_path / "a.json") == {"name": "\udce9"}


def test_what_cannot_be_looked_at_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name too long, a null byte, a folder of mode 0 (which root may look into)."""
    (tmp_path / "a").write_bytes(b"")
    assert [is_file(tmp_path / name) for name in ("a", "b", ".", "a/b", "x" * 5000, "a\0b")] == [True] + [False] * 5

    def forbidden(path: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", forbidden)
    assert not is_file(tmp_path / "a")


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "below" / "text.txt"
    write_text(target, "Größe\n")
    assert target.read_bytes() == b"Gr\xc3\xb6\xc3\x9fe\n"
    assert _names(target.parent) == ["text.txt"]


def test_the_temporary_file_has_the_targets_suffix_and_folder(tmp_path: Path) -> None:
    """Writers choose a format by the suffix; a rename is atomic within a folder's file system alone."""
    with atomic_path(tmp_path / "figure.svg") as temporary:
        assert temporary.suffix == ".svg"
        assert temporary.parent == tmp_path


def test_an_exception_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_bytes(b"half of" * (1 // 0))
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["result.json"]


def test_a_reader_sees_the_old_or_the_new_file(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    with open(target) as reader:
        write_text(target, "new")
        assert reader.read() == "old"
    assert target.read_text() == "new"


def test_a_hard_link_into_a_cache_is_not_written_through(tmp_path: Path) -> None:
    cached, target = tmp_path / "cache", tmp_path / "weights"
    cached.write_text("old")
    cached.chmod(0o444)
    os.link(cached, target)
    write_text(target, "new")
    assert cached.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "shared.txt", "")
        assert (tmp_path / "shared.txt").stat().st_mode & 0o777 == 0o666 & ~mask
        assert os.umask(mask) == mask  # reading the mask has not changed it
    finally:
        os.umask(before)


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from exfuse.files import atomic_folder, atomic_path
file, folder = Path(sys.argv[1]), Path(sys.argv[2])
with atomic_path(file) as temporary, atomic_folder(folder) as below:
    temporary.write_text("half of")
    (below / "index.csv").write_text("half of")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_the_old_file_and_folder(tmp_path: Path, repo_root: Path) -> None:
    file, folder = tmp_path / "result.json", tmp_path / "voc"
    file.write_text("old")
    folder.mkdir()
    (folder / "index.csv").write_text("old")
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(file), str(folder)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(repo_root)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text() == "old"
    assert (folder / "index.csv").read_text() == "old"


# --- folders ---


def test_a_folder_replaces_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "voc"
    target.mkdir()
    (target / "gone.txt").touch()
    with atomic_folder(target) as temporary:
        (temporary / "index.csv").write_text("id\n")
        assert _names(target) == ["gone.txt"]
    assert _names(target) == ["index.csv"]
    assert target.stat().st_mode & 0o777 == 0o755
    assert _names(tmp_path) == ["voc"]


def test_an_exception_keeps_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "voc"
    target.mkdir()
    (target / "kept.txt").touch()
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as temporary:
        (temporary / "index.csv").write_bytes(b"half of" * (1 // 0))
    assert _names(target) == ["kept.txt"]
    assert _names(tmp_path) == ["voc"]


def test_the_old_folder_is_never_half_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting takes a while: it happens under another name, after the new folder has its own."""
    target = tmp_path / "voc"
    target.mkdir()
    (target / "old.txt").touch()
    seen = []
    monkeypatch.setattr("exfuse.files.shutil.rmtree", lambda path, **_: seen.append((Path(path), _names(target))))
    with atomic_folder(target) as temporary:
        (temporary / "new.txt").touch()
    assert seen
    assert all(path != target and names == ["new.txt"] for path, names in seen)


# --- what cannot be written ---


@pytest.mark.parametrize("writer", [atomic_path, atomic_folder])
def test_a_file_where_a_folder_has_to_be(
    tmp_path: Path, writer: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write .*results/mini/x: Not a directory"):
        writer(tmp_path / "results" / "mini" / "x").__enter__()
    assert (tmp_path / "results").read_text() == "a file"


def test_a_folder_where_a_file_has_to_be(tmp_path: Path) -> None:
    (tmp_path / "val.json").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*val\.json: Is a directory"):
        write_text(tmp_path / "val.json", "{}")
    assert _names(tmp_path) == ["val.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(UserError, match="Permission denied"):
        write_text(tmp_path / "val.json", "{}")


def test_a_disk_that_fills_up_in_the_middle(tmp_path: Path) -> None:
    target = tmp_path / "weights.bin"
    target.write_text("old")
    with full_disk(4096), pytest.raises(UserError, match=r"cannot write .*weights\.bin: File too large"):
        write_bytes(target, bytes(1 << 20))
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["weights.bin"]


def test_a_disk_that_fills_up_in_a_folder(tmp_path: Path) -> None:
    with (
        full_disk(4096),
        pytest.raises(UserError, match=r"cannot write .*voc: File too large"),
        atomic_folder(tmp_path / "voc") as temporary,
    ):
        (temporary / "image.jpg").write_bytes(bytes(1 << 20))
    assert _names(tmp_path) == []


def test_no_space_left_on_device(tmp_path: Path) -> None:
    """The device that is always full gives the error number of a full disk."""
    with (
        pytest.raises(UserError, match=r"cannot write .*x\.txt: No space left on device"),
        atomic_path(tmp_path / "x.txt"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"content")


def test_other_errors_of_the_block_stay_what_they_are(tmp_path: Path) -> None:
    """A source that is missing is nothing that the target's folder could help."""
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "x.txt"):
        (tmp_path / "source").read_text()
    assert caught.value.errno == errno.ENOENT


# --- what is no file ---


@pytest.mark.parametrize("name", ["/dev/full", "/dev/exfuse-new"])
def test_devices_stay_devices(name: str) -> None:
    """Root could replace one by a file, which every program on the machine would then write to."""
    before = sorted(os.listdir("/dev"))
    with pytest.raises(UserError, match=f"cannot write {name}: it is a device or a pipe"):
        write_text(Path(name), "text")
    assert sorted(os.listdir("/dev")) == before


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="it is a device or a pipe"):
        write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()
