"""Members of tar and tgz archives: one streaming pass, or an index of offsets for reading in place."""

import gzip
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, cast

from exfuse.data.archives import (
    MAX_MEMBER_BYTES,
    absent_error,
    check_limit,
    check_size,
    damage_named,
    member_error,
    read_member,
    safe_name,
)

MAX_HEADER_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_DRAIN_BYTES = 1 << 20
_EXTENDED_HEADERS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file inside a tar archive.

    Attributes:
        name: its path in the archive.
        size: bytes.
        offset: of its first byte in the (uncompressed) archive.
    """

    name: str
    size: int
    offset: int


class _StrictTarInfo(tarfile.TarInfo):
    """Headers that end the archive only where its end mark is: ``tarfile`` takes damage for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) < tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it ends before its end mark") from error
            if any(buf):
                raise tarfile.ReadError("a member's header is damaged") from error
            raise
        if info.size < 0 or (info.type in _EXTENDED_HEADERS and info.size > MAX_HEADER_BYTES):
            raise tarfile.ReadError(f"a member's header gives the size {info.size}")
        return info


def _regular_files(archive: Path, tar: tarfile.TarFile, passed: list[str]) -> Iterator[tuple[str, tarfile.TarInfo]]:
    seen: set[str] = set()
    while (info := tar.next()) is not None:
        cast(Any, tar).members.clear()  # tarfile keeps every header: a kilobyte each
        name = safe_name(archive, info.name)
        if info.isdir():
            continue
        if not info.isreg() or info.issparse():
            raise member_error(archive, name, "links, devices and sparse files are refused")
        if name in seen:
            raise member_error(archive, name, "the archive holds it twice")
        seen.add(name)
        passed[:] = [name]
        yield name, info


def _content(archive: Path, tar: tarfile.TarFile, name: str, info: tarfile.TarInfo) -> bytes:
    content = cast(IO[bytes], tar.extractfile(info)).read()
    if len(content) != info.size:
        raise member_error(archive, name, f"only {len(content)} of its {info.size} bytes are there")
    return content


def read_tar(
    archive: Path, wanted: Callable[[str], bool], limit: int = MAX_MEMBER_BYTES
) -> Iterator[tuple[str, bytes]]:
    """Name and content of the wanted members of a tar or tgz; arguments and pass are those of :func:`stream_tar`.

    Raises:
        UserError: the archive is damaged, a member is unsafe, doubled or too large, or a wanted one is empty.
    """
    for name, size, content in stream_tar(archive, wanted, limit):
        if content is not None:
            check_size(archive, name, size, limit)
            yield name, content


def stream_tar(
    archive: Path, wanted: Callable[[str], bool], limit: int = MAX_MEMBER_BYTES
) -> Iterator[tuple[str, int, bytes | None]]:
    """Name and size of every member of a tar or tgz, with the content of the wanted ones, in the archive's order.

    One pass, which goes on to the archive's end, and through gzip's checksum, whatever is wanted.

    Args:
        archive: the tar or tgz.
        wanted: tells by its name whether a member is read.
        limit: bytes of any member, wanted or not: to pass a bomb means to inflate it.

    Raises:
        UserError: the archive is damaged, or a member is unsafe, doubled or too large.
    """
    with damage_named(archive) as passed, open(archive, "rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) if compressed else raw as stream:
            # "r|" never seeks back, which in gzip would mean to start over
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", tarinfo=_StrictTarInfo) as tar:
                for name, info in _regular_files(archive, tar, passed):
                    check_limit(archive, name, info.size, limit)
                    yield name, info.size, _content(archive, tar, name, info) if wanted(name) else None
            while stream.read(_DRAIN_BYTES):
                pass


def list_tar(archive: Path, inside: TarMember | None = None) -> list[TarMember]:
    """Members of an uncompressed tar, in its order, by one pass over the headers.

    Args:
        archive: the tar.
        inside: a member that is itself a tar: its members are listed instead, with offsets in ``archive``.

    Raises:
        UserError: the archive is compressed or damaged, or a member is unsafe or doubled.
    """
    with damage_named(archive) as passed, open(archive, "rb") as raw:
        start, stream = 0, cast(IO[bytes], raw)
        if inside is not None:
            passed.append(inside.name)
            start, stream = inside.offset, cast(IO[bytes], _Window(raw.fileno(), inside))
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=_StrictTarInfo) as tar:
            return [
                TarMember(name, info.size, start + info.offset_data)
                for name, info in _regular_files(archive, tar, passed)
            ]


class _Window:
    """A member's bytes as a read-only file, for the headers of a tar inside a tar."""

    def __init__(self, descriptor: int, member: TarMember) -> None:
        self._descriptor, self._member, self._position = descriptor, member, 0

    def read(self, size: int = -1) -> bytes:
        left = max(self._member.size - self._position, 0)
        size = left if size < 0 else min(size, left)
        content = os.pread(self._descriptor, size, self._member.offset + self._position)
        self._position += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._member.size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position


class TarReader:
    """Members of an uncompressed tar by name, in any order."""

    def __init__(self, archive: Path) -> None:
        """Lists the archive; errors are those of ``list_tar``."""
        self.archive = archive
        self._members = {member.name: member for member in list_tar(archive)}

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of every member."""
        return {name: member.size for name, member in self._members.items()}

    def read(self, name: str, listed_in: str = "") -> bytes:
        """Content of a member.

        Args:
            name: the member.
            listed_in: the list that names it, for the message when it is absent.

        Raises:
            UserError: it is absent, empty or too large.
        """
        member = self._members.get(name)
        if member is None:
            raise absent_error(self.archive, name, listed_in)
        check_size(self.archive, name, member.size)
        return read_member(self.archive, member.offset, member.size)
