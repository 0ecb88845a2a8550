"""Files appear whole or not at all, and a disk that takes no more is one sentence."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.files import (
    atomic_folder,
    atomic_path,
    digest,
    encodable,
    is_file,
    read_csv,
    read_json,
    read_mapping,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond ``limit`` bytes: a disk that fills up, as the kernel reports it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


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


# --- formats ---


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"größe": [1, 2.5, None, True], "leer": {}}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content
    assert json.loads((tmp_path / "x.json").read_bytes()) == content
    assert (tmp_path / "x.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_has_no_such_numbers(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "x.json", {"miou": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"miou": number})
    assert read_json(tmp_path / "x.json") == {"miou": 0.5}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"nope"])
def test_damaged_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_json_nested_beyond_reason_is_one_sentence(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", "[" * 100_000)
    with pytest.raises(UserError, match="is not valid JSON"):
        read_json(tmp_path / "x.json")


def test_lone_surrogates_are_spelt_and_all_else_stays() -> None:
    assert encodable("Größe 标签 😀 \\ \n") == "Größe 标签 😀 \\ \n"
    assert encodable(os.fsdecode(b"\xe9") + "\ud800") == r"\udce9\ud800"


@pytest.mark.parametrize("read", [read_json, read_csv])
def test_missing_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent: No such file or directory"):
        read(tmp_path / "absent")


def test_csv_round_trip(tmp_path: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {"id": "a", "words": 'one, "two"\nthree'},
        {"id": "ä", "words": None},
        {"id": "c"},
    ]
    write_csv(tmp_path / "x.csv", ["id", "words"], rows)
    assert (tmp_path / "x.csv").read_bytes() == 'id,words\na,"one, ""two""\nthree"\nä,\nc,\n'.encode()
    assert read_csv(tmp_path / "x.csv") == [
        {"id": "a", "words": 'one, "two"\nthree'},
        {"id": "ä", "words": ""},
        {"id": "c", "words": ""},
    ]


def test_csv_refuses_values_without_a_column(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in fieldnames"):
        write_csv(tmp_path / "x.csv", ["id"], [{"id": "a", "extra": 1}])
    assert _names(tmp_path) == []


def test_damaged_csv(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id\n\xff\xfe\n")
    with pytest.raises(UserError, match=r"x\.csv is no table"):
        read_csv(tmp_path / "x.csv")


def test_digests_of_known_content(tmp_path: Path) -> None:
    """The test vectors of FIPS 180-2 and RFC 1321 for "abc"."""
    (tmp_path / "x").write_bytes(b"abc")
    assert digest(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(tmp_path / "x", "md5") == "900150983cd24fb0d6963f7d28e17f72"


def test_digests_do_not_depend_on_the_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(bytes(range(256)) * 5)
    whole = digest(tmp_path / "x")
    monkeypatch.setattr("exfuse.files.CHUNK_BYTES", 7)
    assert digest(tmp_path / "x") == whole


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


@pytest.mark.parametrize(("content", "found"), [('{"a": 1}', {"a": 1}), ("[1]", {}), ('{"a"', {}), (None, {})])
def test_a_mapping_is_empty_where_there_is_none(tmp_path: Path, content: str | None, found: dict[str, int]) -> None:
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    assert read_mapping(tmp_path / "x.json") == found
