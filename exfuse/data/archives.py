"""Members of the publishers' tar, tgz and zip archives, read in place: nothing is ever unpacked by name.

Only regular files with relative names are accepted; links, devices, absolute names, ``..``, doubled names, damaged
or truncated archives and members beyond a size limit are refused with the archive's and the member's name.
"""

import gzip
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from exfuse.errors import UserError

MAX_MEMBER_BYTES = 64 << 20
"""No image, mask or list of the four publishers comes near this size; what does is refused unread."""

_ENCRYPTED = 0x1
# zipfile raises NotImplementedError for a compression that a damaged header names
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)


def find_archive(archives: Mapping[str, Path], name: str) -> Path:
    """The path given for an official archive name.

    Raises:
        UserError: no path is given for it, or nothing lies there.
    """
    if name not in archives:
        raise UserError(f"archive {name} is not given. Pass its path under this name.")
    path = archives[name]
    if not path.is_file():
        what = "a directory is in its place" if path.is_dir() else "there is no file"
        raise UserError(f"archive {name} is missing: {what}, {path}. Put it there or set `data_root`.")
    return path


def place(archive: Path, member: str) -> str:
    """How messages name a member."""
    return f"{member} in {archive}"


def member_error(archive: Path, member: str, problem: str) -> UserError:
    """The error for a member that cannot be used."""
    return UserError(f"{place(archive, member)}: {problem}. Get the archive from its publisher again.")


def read_member(source: int | Path, offset: int, length: int) -> bytes:
    """Reads ``length`` bytes at ``offset`` without moving any file position, so processes may share ``source``.

    Args:
        source: an open file descriptor, or a path that is opened for this read.
        offset: of the first byte.
        length: bytes.

    Raises:
        UserError: the file cannot be read or ends before ``offset + length``.
    """
    if isinstance(source, Path):
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UserError(f"cannot read {source}: {error.strerror}.") from error
        try:
            return _read_exactly(descriptor, offset, length, str(source))
        finally:
            os.close(descriptor)
    return _read_exactly(source, offset, length, "the archive")


def _read_exactly(descriptor: int, offset: int, length: int, name: str) -> bytes:
    content = os.pread(descriptor, length, offset)
    if len(content) == length:
        return content
    pieces = [content]
    while (missing := length - sum(map(len, pieces))) > 0:  # one call returns at most 2 GiB, less on a network
        piece = os.pread(descriptor, missing, offset + length - missing)
        if not piece:
            raise UserError(f"{name} ends before byte {offset + length}. Prepare the data again from a whole archive.")
        pieces.append(piece)
    return b"".join(pieces)


def safe_name(archive: Path, name: str) -> str:
    """A member's name without ``./``.

    Raises:
        UserError: it is absolute or leads out of the archive.
    """
    parts = name.split("/")  # pathlib would take longer than all the rest of a header, and much memory
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise member_error(archive, name, "absolute names and `..` are refused")
    return name if "" not in parts and "." not in parts else "/".join(part for part in parts if part not in ("", "."))


@contextmanager
def damage_named(archive: Path) -> Iterator[list[str]]:
    """Turns what the libraries raise on damage into one message; the block appends the members it has passed."""
    passed: list[str] = []
    try:
        yield passed
    except _DAMAGE as error:
        near = f" at or after {passed[-1]}" if passed else ""
        raise UserError(
            f"archive {archive} is damaged or cut short{near} ({error}). Get it from its publisher again."
        ) from error
    except OSError as error:
        raise UserError(f"cannot read archive {archive}: {error.strerror or error}.") from error


def check_size(archive: Path, member: str, size: int, limit: int = MAX_MEMBER_BYTES) -> None:
    """Refuses empty members and those beyond ``limit`` bytes.

    Raises:
        UserError: always then.
    """
    if size == 0:
        raise member_error(archive, member, "it is empty")
    check_limit(archive, member, size, limit)


def check_limit(archive: Path, member: str, size: int, limit: int) -> None:
    """Refuses members beyond ``limit`` bytes.

    Raises:
        UserError: always then.
    """
    if size > limit:
        raise member_error(archive, member, f"its {size} bytes are more than the {limit} that are accepted")


def absent_error(archive: Path, member: str, listed_in: str = "") -> UserError:
    """The error for a member that the archive lacks."""
    return member_error(archive, member, "it is absent" + (f", though {listed_in} names it" if listed_in else ""))


class ZipReader:
    """Members of a zip archive by name, in any order; a context manager."""

    def __init__(self, archive: Path) -> None:
        """Opens the archive and checks every name.

        Raises:
            UserError: it is damaged, or a member is unsafe or doubled.
        """
        self.archive = archive
        with damage_named(archive):
            self._zip = zipfile.ZipFile(archive)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            name = safe_name(archive, info.filename)
            mode = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            if mode not in (0, stat.S_IFREG):
                raise member_error(archive, name, "links and devices are refused")
            if info.flag_bits & _ENCRYPTED:
                raise member_error(archive, name, "it is encrypted")
            if name in self._members:
                raise member_error(archive, name, "the archive holds it twice")
            self._members[name] = info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of every member, as its header gives them."""
        return {name: info.file_size for name, info in self._members.items()}

    def read(self, name: str, listed_in: str = "", limit: int = MAX_MEMBER_BYTES) -> bytes:
        """Content of a member, checked against the archive's checksum.

        Args:
            name: the member.
            listed_in: the list that names it, for the message when it is absent.
            limit: of its size, bytes.

        Raises:
            UserError: it is absent, empty, too large or damaged.
        """
        info = self._find(name, listed_in, limit)
        with self.opened(name, listed_in, limit) as stream:
            content = stream.read(info.file_size)  # without a size, a false header would inflate without bound
        if len(content) != info.file_size:
            raise member_error(self.archive, name, f"only {len(content)} of its {info.file_size} bytes are there")
        return content

    @contextmanager
    def opened(self, name: str, listed_in: str = "", limit: int = MAX_MEMBER_BYTES) -> Iterator[IO[bytes]]:
        """A member as a stream, for what is too large to hold; arguments and errors are those of :meth:`read`.

        The archive's checksum is compared when the stream is read to its end.
        """
        info = self._find(name, listed_in, limit)
        with damage_named(self.archive) as passed:
            passed.append(name)
            with self._zip.open(info) as stream:
                yield stream

    def _find(self, name: str, listed_in: str, limit: int) -> zipfile.ZipInfo:
        info = self._members.get(name)
        if info is None:
            raise absent_error(self.archive, name, listed_in)
        check_size(self.archive, name, info.file_size, limit)
        return info
