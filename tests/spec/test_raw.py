"""Identities of raw files: their content, remembered as long as size and time stay."""

import hashlib
import os
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.spec import raw
from exfuse.spec.raw import Digests


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small raw file."""
    path = tmp_path / "archive.tar"
    path.write_bytes(b"content")
    return path


def test_small_files_are_known_by_all_of_their_content(file: Path, tmp_path: Path) -> None:
    assert Digests(tmp_path / "cache.json").of(file) == f"sha256:{hashlib.sha256(b'content').hexdigest()}"


def test_a_file_is_read_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = Digests(tmp_path / "cache.json").of(file)
    monkeypatch.setattr(raw, "_identity", lambda *_: pytest.fail("read again"))
    assert Digests(tmp_path / "cache.json").of(file) == identity


def test_a_touched_file_is_read_again_and_is_the_same(file: Path, tmp_path: Path) -> None:
    before = Digests(tmp_path / "cache.json").of(file)
    os.utime(file, (1.0, 1.0))
    assert Digests(tmp_path / "cache.json").of(file) == before


def test_changed_content_of_the_same_length_is_noticed(file: Path, tmp_path: Path) -> None:
    before = Digests(tmp_path / "cache.json").of(file)
    file.write_bytes(b"tnetnoc")
    os.utime(file, (1.0, 1.0))
    assert Digests(tmp_path / "cache.json").of(file) != before


@pytest.mark.parametrize("position", [0, -1])
def test_large_files_are_known_by_size_and_both_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setattr(raw, "WHOLE_FILE_BYTES", 10)
    monkeypatch.setattr(raw, "CHUNK_BYTES", 4)
    content = bytearray(b"0123456789abcdef")
    large = tmp_path / "large.zip"
    large.write_bytes(content)
    before = Digests(tmp_path / "a.json").of(large)
    assert before == f"ends:{hashlib.sha256(b'16' + b'0123' + b'cdef').hexdigest()}"
    content[position] ^= 1
    large.write_bytes(content)
    assert Digests(tmp_path / "b.json").of(large) != before


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 1}', "NAME"])
def test_a_damaged_memory_is_only_slower(file: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache.json"
    cache.write_text(damage.replace("NAME", f'{{"{file.resolve()}": 5}}'))
    assert Digests(cache).of(file) == f"sha256:{hashlib.sha256(b'content').hexdigest()}"


def test_a_memory_that_cannot_be_written_is_only_slower(file: Path, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder has to be")
    assert Digests(tmp_path / "occupied" / "cache.json").of(file).startswith("sha256:")


def test_md5_is_of_the_whole_file_and_read_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "WHOLE_FILE_BYTES", 2)
    monkeypatch.setattr(raw, "CHUNK_BYTES", 2)
    expected, read = hashlib.md5(b"content").hexdigest(), []
    assert Digests(tmp_path / "cache.json").md5(file, read.append) == expected
    assert sum(read) == len(b"content")
    monkeypatch.setattr(raw, "md5", lambda *_: pytest.fail("read again"))
    again = Digests(tmp_path / "cache.json")
    assert again.md5(file, read.append) == expected
    assert sum(read) == len(b"content")
    assert again.of(file).startswith("ends:")


def test_md5_of_a_touched_file_is_read_again(file: Path, tmp_path: Path) -> None:
    digests = Digests(tmp_path / "cache.json")
    digests.remember_md5(file, "0" * 32)
    assert digests.md5(file) == "0" * 32
    os.utime(file, (1.0, 1.0))
    assert digests.md5(file) == hashlib.md5(b"content").hexdigest()


def test_md5_of_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        Digests(tmp_path / "cache.json").md5(tmp_path / "absent")


def test_two_processes_keep_what_the_other_learnt(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = file.with_name("other.tar")
    other.write_bytes(b"other")
    first, second = Digests(tmp_path / "cache.json"), Digests(tmp_path / "cache.json")
    first.md5(file)
    second.md5(other)
    monkeypatch.setattr(raw, "md5", lambda *_: pytest.fail("read again"))
    third = Digests(tmp_path / "cache.json")
    assert third.md5(file) != third.md5(other)
