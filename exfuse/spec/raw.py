"""Who an archive is, without reading 150 GB each time that somebody asks.

The identity of a raw file is part of the keys of the jobs that read it. Clocks never are: a file is hashed again when
its size or modification time changed, and equal content gives the equal identity.
"""

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import CHUNK_BYTES, digest, read_mapping, write_json

WHOLE_FILE_BYTES = 1 << 30
"""Up to this size the whole content is hashed; above, the size and both ends (a zip's checksums lie at its end)."""

_MD5 = "md5:"

MANY_FILES = 500
"""More new ones than these are read in silence no longer."""


class Digests:
    """Content digests of raw files, remembered by size and modification time.

    Args:
        cache: the file that remembers; it is only a shortcut and may be deleted.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known = read_mapping(cache)

    def of(self, file: Path) -> str:
        """``sha256:…`` of a file up to 1 GiB, ``ends:…`` of a larger one.

        Raises:
            UserError: the file is absent or unreadable.
        """
        return self.of_many([file])[0]

    def of_many(self, files: Sequence[Path]) -> list[str]:
        """As :meth:`of` for each file; the cache is written once."""
        found = [self._remembered(file) for file in files]
        if None in found:
            if found.count(None) > MANY_FILES:
                print(f"reading {found.count(None):,} files once, to know them again", file=sys.stderr)
            found = [known or self._identify(file) for file, known in zip(files, found, strict=True)]
            self._save()
        return [str(identity) for identity in found]

    def md5(self, file: Path, progress: Callable[[int], object] | None = None) -> str:
        """Hex md5 of the whole file, whatever its size; publishers print these.

        Args:
            file: the raw file.
            progress: is told the number of bytes of each piece that was read; never called when the sum is remembered.

        Raises:
            UserError: the file is absent or unreadable.
        """
        remembered = self._remembered(file, _MD5)
        if remembered is None:
            status = _status(file)
            remembered = md5(file, progress)
            self._remember(file, status, remembered, _MD5)
            self._save()
        return remembered

    def remember_md5(self, file: Path, found: str) -> None:
        """Keeps a sum that somebody else made of the file as it is now."""
        self._remember(file, _status(file), found, _MD5)
        self._save()

    def _remembered(self, file: Path, kind: str = "") -> str | None:
        status = _status(file)
        match self._known.get(f"{kind}{file.resolve()}"):
            case [status.st_size, status.st_mtime_ns, str(remembered)]:
                return remembered
        return None

    def _identify(self, file: Path) -> str:
        status = _status(file)
        identity = _identity(file, status.st_size)
        self._remember(file, status, identity)
        return identity

    def _remember(self, file: Path, status: os.stat_result, found: str, kind: str = "") -> None:
        self._known[f"{kind}{file.resolve()}"] = [status.st_size, status.st_mtime_ns, found]

    def _save(self) -> None:
        """Adds what is known to the memory: jobs that run side by side each know some files."""
        self._known = {**read_mapping(self._cache), **self._known}
        with contextlib.suppress(UserError):  # a read-only checkout: everything works, only slower
            write_json(self._cache, self._known)


def md5(file: Path, progress: Callable[[int], object] | None = None) -> str:
    """Hex md5 of a file; arguments and errors are those of :meth:`Digests.md5`."""
    try:
        with _Watched(file, progress) as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}.") from error


class _Watched(io.FileIO):
    """A file that tells how many bytes were read."""

    def __init__(self, file: Path, progress: Callable[[int], object] | None) -> None:
        super().__init__(file)
        self._progress = progress

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        if self._progress is not None:
            self._progress(count)
        return count


def _status(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}.") from error


def _identity(file: Path, size: int) -> str:
    if size <= WHOLE_FILE_BYTES:
        return f"sha256:{digest(file)}"
    hasher = hashlib.sha256(str(size).encode())
    try:
        with open(file, "rb") as stream:
            hasher.update(stream.read(CHUNK_BYTES))
            stream.seek(size - CHUNK_BYTES)
            hasher.update(stream.read(CHUNK_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}.") from error
    return f"ends:{hasher.hexdigest()}"
