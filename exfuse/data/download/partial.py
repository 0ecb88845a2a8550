"""A download that is not finished: its bytes beside the target, where they came from, and a lock on both."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.locks import is_taken


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part's bytes came from.

    Attributes:
        url: the address that was asked.
        validator: ETag or Last-Modified, by which the server tells whether it still has the same file; or none.
        total: bytes of the whole file; none where the server did not say.
    """

    url: str
    validator: str | None
    total: int | None


def part_of(target: Path) -> Path:
    """Where the bytes of an unfinished download of ``target`` lie."""
    return target.with_name(f".{target.name}.part")


class Partial:
    """The part file of a target; a context manager that keeps every other process away from it.

    Attributes:
        target: what it becomes.
        path: the part file.
        origin: where its bytes came from; none while it is empty.
        responses: how many responses of servers its bytes were put together from, as far as this process knows; what
            was there at the beginning counts as one.
    """

    def __init__(self, target: Path) -> None:
        """Touches nothing yet."""
        self.target = target
        self.path = part_of(target)
        self.origin: Origin | None = None
        self.responses = 0
        self._note = self.path.with_name(f"{self.path.name}.json")
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Opens and locks the part file; bytes without a note of their origin are dropped.

        Raises:
            UserError: another process works on it, or the folder cannot be written.
        """
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = self._locked()
            self.origin = self._read_note()
            if self.origin is None:
                os.truncate(self._descriptor, 0)
        self.responses = 1 if self.length else 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.path.exists() and self.length == 0:
                self.remove()
        finally:
            os.close(self._descriptor)

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._descriptor).st_size

    def start(self, origin: Origin) -> None:
        """Drops what is there and notes where the next bytes come from."""
        with self._writing():
            os.truncate(self._descriptor, 0)
        write_json(self._note, asdict(origin))
        self.origin, self.responses = origin, 0

    def clear(self) -> None:
        """Drops what is there."""
        with self._writing():
            os.truncate(self._descriptor, 0)
        self.origin, self.responses = None, 0

    def write(self, piece: bytes) -> None:
        """Adds bytes.

        Raises:
            UserError: the disk is full or refuses them.
        """
        view = memoryview(piece)
        with self._writing():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def require_space(self, total: int, keep: bool) -> None:
        """Checks that the rest of ``total`` bytes fits on the disk, with the present bytes kept or dropped.

        Raises:
            UserError: it does not.
        """
        free = shutil.disk_usage(self.path.parent).free
        missing = total - self.length
        if missing > free:
            need = missing if keep else total
            raise UserError(
                f"{self.target} needs {need:,} more bytes, and {free:,} are free in {self.path.parent}. Make space, or "
                "set `data_root` to a folder on a larger disk; what was downloaded is kept."
            )

    def finish(self) -> None:
        """Makes it the target."""
        with self._writing():
            os.fsync(self._descriptor)
            os.replace(self.path, self.target)
            self._note.unlink(missing_ok=True)

    def remove(self) -> None:
        """Leaves nothing."""
        with self._writing():
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _locked(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                if not is_taken(descriptor, self.path):
                    raise UserError(
                        f"another process downloads {self.target} now. Wait for it; it goes on where this one would."
                    )
            except UserError:
                os.close(descriptor)
                raise
            if self._is_still(descriptor):
                return descriptor
            os.close(descriptor)

    def _is_still(self, descriptor: int) -> bool:
        """Whether the locked file is the part file: its last holder may have made it the target."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _read_note(self) -> Origin | None:
        try:
            match read_json(self._note):
                case {"url": str(url), "validator": str() | None as validator, "total": int() | None as total}:
                    return Origin(url, validator, total)
        except UserError:
            pass
        return None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"cannot write {self.path}: {error.strerror or error}. Give the folder write permission and space, or "
                "set `data_root` to another; what was downloaded is kept, and the next call goes on."
            ) from error
