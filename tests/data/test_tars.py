import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from exfuse.data.tars import TarReader, list_tar, read_tar, stream_tar
from exfuse.errors import UserError
from tests.data.publishers import tar_bytes, write_tar

MEMBERS = {"folder/a.txt": b"a" * 700, "b.txt": b"b" * 512, "c.txt": b"c"}


def read_all(path: Path) -> dict[str, bytes]:
    return dict(read_tar(path, lambda name: True))


def hostile(path: Path, info: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    return path


@pytest.mark.parametrize("compression", ["", "gz"])
def test_one_pass_gives_the_wanted_members_in_order(tmp_path: Path, compression: str) -> None:
    path = write_tar(tmp_path / "a.tar", MEMBERS, compression)
    assert list(read_tar(path, lambda name: name != "b.txt")) == [
        ("folder/a.txt", MEMBERS["folder/a.txt"]),
        ("c.txt", MEMBERS["c.txt"]),
    ]


@pytest.mark.parametrize("compression", ["", "gz"])
def test_a_pass_over_all_headers_reads_what_is_wanted(tmp_path: Path, compression: str) -> None:
    path = write_tar(tmp_path / "a.tar", {**MEMBERS, "empty": b""}, compression)
    assert list(stream_tar(path, {"b.txt", "empty"}.__contains__)) == [
        ("folder/a.txt", 700, None),
        ("b.txt", 512, MEMBERS["b.txt"]),
        ("c.txt", 1, None),
        ("empty", 0, b""),
    ]


def test_offsets_point_at_the_members_bytes(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    content = path.read_bytes()
    found = {member.name: content[member.offset : member.offset + member.size] for member in list_tar(path)}
    assert found == MEMBERS


def test_offsets_inside_an_inner_tar_are_those_of_the_outer_file(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"first": b"x", "inner.tar": tar_bytes(MEMBERS)})
    content = path.read_bytes()
    inner = list_tar(path, inside=list_tar(path)[1])
    assert {member.name: content[member.offset : member.offset + member.size] for member in inner} == MEMBERS


@pytest.mark.parametrize("compression", ["", "gz"])
def test_a_cut_anywhere_is_noticed(tmp_path: Path, compression: str) -> None:
    """``tarfile`` alone takes a cut between two members for the end."""
    whole = tar_bytes(MEMBERS, compression)
    # uncompressed: three headers and 2 + 1 + 1 blocks of data, then the end mark
    cuts = (
        range(1, len(whole), 5) if compression else [block * 512 + more for block in range(8) for more in (0, 1, 511)]
    )
    path = tmp_path / "cut.tar"
    for cut in cuts if compression else cuts[:-2]:
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"cut\.tar is damaged or cut short"):
            read_all(path)
        if not compression:
            with pytest.raises(UserError, match=r"cut\.tar is damaged or cut short"):
                list_tar(path)


def test_damage_is_noticed_and_placed(tmp_path: Path) -> None:
    whole = bytearray(tar_bytes(MEMBERS))
    whole[512 * 3 + 10] ^= 1  # in the header of b.txt
    path = tmp_path / "a.tar"
    path.write_bytes(whole)
    with pytest.raises(UserError, match=r"a\.tar is damaged or cut short at or after folder/a\.txt"):
        list_tar(path)


def test_gzip_checksum_is_compared(tmp_path: Path) -> None:
    compressed = bytearray(gzip.compress(tar_bytes(MEMBERS)))
    compressed[-8] ^= 1
    path = tmp_path / "a.tgz"
    path.write_bytes(compressed)
    with pytest.raises(UserError, match="damaged"):
        read_all(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("evil")
    info.type, info.linkname = kind, "/etc/passwd"
    path = hostile(tmp_path / "a.tar", info)
    with pytest.raises(UserError, match=r"evil in .*a\.tar: links, devices"):
        read_all(path)
    with pytest.raises(UserError, match="links, devices"):
        list_tar(path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = 1
    with pytest.raises(UserError, match="absolute names and"):
        list_tar(hostile(tmp_path / "a.tar", info))


def test_doubled_and_empty_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("a", "./a"):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(UserError, match="holds it twice"):
        list_tar(path)
    reader = TarReader(write_tar(tmp_path / "b.tar", {"a": b""}))
    with pytest.raises(UserError, match=r"a in .*b\.tar: it is empty"):
        reader.read("a")
    with pytest.raises(UserError, match="it is empty"):
        read_all(tmp_path / "b.tar")


def test_a_huge_member_is_refused_unread(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tgz", {"bomb": bytes(65 << 20)}, "gz")
    with pytest.raises(UserError, match=r"bomb in .*more than"):
        read_all(path)


def test_reading_by_name(tmp_path: Path) -> None:
    reader = TarReader(write_tar(tmp_path / "a.tar", MEMBERS))
    assert reader.sizes == {"folder/a.txt": 700, "b.txt": 512, "c.txt": 1}
    assert reader.read("c.txt") == b"c"
    assert reader.read("folder/a.txt") == MEMBERS["folder/a.txt"]
    with pytest.raises(UserError, match=r"d\.txt in .*it is absent, though list\.txt names it"):
        reader.read("d.txt", "list.txt")


def test_a_bomb_is_refused_though_nobody_wants_it(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tgz", {"b.txt": b"b", "bomb.bin": bytes(65 << 20)}, "gz")
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match=r"bomb\.bin in .*a\.tgz: its 68157440 bytes are more than"):
        list(read_tar(path, {"b.txt"}.__contains__))
    with pytest.raises(UserError, match=r"b\.txt in .*: its 700 bytes are more than the 600"):
        list(read_tar(write_tar(tmp_path / "b.tar", {"b.txt": bytes(700)}), lambda name: False, limit=600))


def many(path: Path, count: int) -> Path:
    header = tarfile.TarInfo("00000000.jpg")
    header.size = 1
    with open(path, "wb") as stream:
        for number in range(count):
            header.name = f"{number:08}.jpg"
            stream.write(header.tobuf() + b"x" + bytes(511))
        stream.write(bytes(1024))
    return path


def test_headers_that_were_passed_are_forgotten(tmp_path: Path) -> None:
    """``tarfile`` keeps a kilobyte for each member; what is listed needs a fifth of that."""
    path = many(tmp_path / "a.tar", 3000)
    tracemalloc.start()
    try:
        members = list_tar(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(members) == 3000
    assert peak < 3000 * 500
