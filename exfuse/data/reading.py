"""Random reads from a published archive where it lies, by many processes, on a local or a network file system."""

import errno
import os
from pathlib import Path
from typing import Any

from exfuse.data.archives import place, read_member
from exfuse.errors import UserError


class ArchiveFile:
    """An uncompressed archive, read by offset.

    Each process opens it for itself at its first read, however the process was started. A read neither moves nor needs
    a file position. Where a network file system has forgotten the descriptor, the archive is opened again, once a read.
    """

    def __init__(self, path: Path) -> None:
        """Notes the archive's size; a file of another size that takes its place is refused.

        Raises:
            UserError: there is no such file.
        """
        self.path = path
        self._descriptor: int | None = None
        self._process = 0
        if not path.is_file():
            raise UserError(f"{path} is missing. Put the archive there, or correct `data_root` in the preset.")
        self._size = path.stat().st_size

    def __del__(self) -> None:
        self._close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_descriptor": None}  # a number that means nothing in another process

    def read(self, offset: int, length: int, member: str) -> bytes:
        """``length`` bytes at ``offset``.

        Args:
            offset: of the first byte.
            length: bytes.
            member: what is read, for messages.

        Raises:
            UserError: the archive was cut or replaced, or cannot be read.
        """
        try:
            try:
                return read_member(self._opened(), offset, length)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                self._close()
                return read_member(self._opened(), offset, length)
        except OSError as error:
            raise UserError(f"{place(self.path, member)}: cannot read it: {error.strerror or error}.") from error
        except UserError as error:
            raise UserError(f"{place(self.path, member)}: {error}") from error

    def _opened(self) -> int:
        if self._descriptor is None or self._process != os.getpid():
            self._close()  # a forked process's copy of its parent's
            self._descriptor, self._process = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC), os.getpid()
            size = os.fstat(self._descriptor).st_size
            if size != self._size:
                self._close()
                raise UserError(
                    f"the archive has {size} bytes and had {self._size} before: it was replaced or cut while it was "
                    "in use. Prepare the data again from a whole archive."
                )
        return self._descriptor

    def _close(self) -> None:
        descriptor = self.__dict__.get("_descriptor")
        if descriptor is not None:
            self._descriptor = None
            os.close(descriptor)
