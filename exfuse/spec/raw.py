"""Who an archive is, without reading 150 GB each time that somebody asks.

The identity of a raw file is part of the keys of the jobs that read it. Clocks never are: a file is hashed again when
its size or modification time changed, and equal content gives the equal identity.
"""

import contextlib
import hashlib
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import CHUNK_BYTES, digest, read_json, write_json

WHOLE_FILE_BYTES = 1 << 30
"""Up to this size the whole content is hashed; above, the size and both ends (a zip's checksums lie at its end)."""


class Digests:
    """Content digests of raw files, remembered by size and modification time.

    Args:
        cache: the file that remembers; it is only a shortcut and may be deleted.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        try:
            known = read_json(cache)
        except UserError:
            known = {}
        self._known: dict[str, object] = known if isinstance(known, dict) else {}

    def of(self, file: Path) -> str:
        """``sha256:…`` of a file up to 1 GiB, ``ends:…`` of a larger one.

        Raises:
            UserError: the file is absent or unreadable.
        """
        try:
            status = file.stat()
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror or error}.") from error
        name = str(file.resolve())
        match self._known.get(name):
            case [status.st_size, status.st_mtime_ns, str(remembered)]:
                return remembered
        identity = _identity(file, status.st_size)
        self._known[name] = [status.st_size, status.st_mtime_ns, identity]
        with contextlib.suppress(UserError):  # a read-only checkout: everything works, only slower
            write_json(self._cache, self._known)
        return identity


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
