import os
import stat
import zipfile
from pathlib import Path

import pytest

from exfuse.data.archives import ZipReader, find_archive, read_member
from exfuse.errors import UserError
from tests.data.publishers import write_zip


def test_zip_members_by_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"folder/b.txt": b"bee", "a.txt": b"a"})
    with ZipReader(path) as reader:
        assert reader.sizes == {"folder/b.txt": 3, "a.txt": 1}
        assert reader.read("folder/b.txt") == b"bee"
        with pytest.raises(UserError, match=r"c\.txt in .*a\.zip: it is absent, though list\.txt names it"):
            reader.read("c.txt", "list.txt")


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up"])
def test_zip_refuses_names_that_lead_outside(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(UserError, match="refused"):
        ZipReader(path)


def test_zip_refuses_links_and_doubled_and_empty_members(tmp_path: Path) -> None:
    linked = tmp_path / "linked.zip"
    with zipfile.ZipFile(linked, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="links"):
        ZipReader(linked)

    doubled = tmp_path / "doubled.zip"
    with zipfile.ZipFile(doubled, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")
    with pytest.raises(UserError, match=r"a in .*doubled\.zip: the archive holds it twice"):
        ZipReader(doubled)

    with ZipReader(write_zip(tmp_path / "empty.zip", {"a": b""})) as reader, pytest.raises(UserError, match="empty"):
        reader.read("a")


def test_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"bomb.jpg": bytes(65 << 20)})
    assert path.stat().st_size < 100_000
    with ZipReader(path) as reader, pytest.raises(UserError, match=r"bomb\.jpg.*more than"):
        reader.read("bomb.jpg")


def test_damaged_zip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"A" * 1000)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"A" * 1000, b"A" * 999 + b"B"))
    with ZipReader(path) as reader, pytest.raises(UserError, match=r"a\.zip is damaged.*photo\.jpg"):
        reader.read("photo.jpg")
    path.write_bytes(whole[:-10])
    with pytest.raises(UserError, match=r"a\.zip is damaged"):
        ZipReader(path)


def test_missing_archives(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"benchmark\.tgz is not given"):
        find_archive({}, "benchmark.tgz")
    with pytest.raises(UserError, match="missing: there is no file"):
        find_archive({"benchmark.tgz": tmp_path / "benchmark.tgz"}, "benchmark.tgz")


def test_read_member_leaves_the_position_alone_and_refuses_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(100)))
    with open(path, "rb") as stream:
        stream.seek(5)
        assert read_member(stream.fileno(), 90, 10) == bytes(range(90, 100))
        assert os.lseek(stream.fileno(), 0, os.SEEK_CUR) == 5
    assert read_member(path, 3, 4) == bytes([3, 4, 5, 6])
    with pytest.raises(UserError, match="ends before byte 101"):
        read_member(path, 91, 10)
