"""Where a publisher's folder is filled, so that a kill at any moment loses no finished file.

``.<publisher>.partial/`` lies beside the folder that it will replace and holds ``content/``, a journal with a line for
each finished file, and later the folder that was replaced. A line is written after its file, so that what is half there
has none. Files are not synced one by one: what a power failure takes of them fails the journal's length and checksum,
and is made again. One sync of the whole disk precedes the publication.
"""

import ctypes
import json
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.data.progress import progress
from exfuse.files import writing

FORMAT = 1
"""Of the journal and of what preparation writes; raise it when either changes."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A file of the content.

    Attributes:
        path: in the content.
        about: what its maker wants to know again.
        length: bytes.
        checksum: CRC-32.
    """

    path: str
    about: dict[str, Any]
    length: int
    checksum: int


class Workspace:
    """The content and the journal of a preparation."""

    def __init__(self, target: Path, identity: str | None) -> None:
        """Goes on with what an interrupted preparation of the same identity left, or starts over.

        Args:
            target: the folder to replace.
            identity: of all that the content depends on; none: nothing is kept.

        Raises:
            UserError: the folder above cannot be written.
        """
        self._target, self._identity = target, identity
        self.folder = target.with_name(f".{target.name}.partial")
        self.content = self.folder / "content"
        self._journal, self._replaced = self.folder / "journal", self.folder / "replaced"
        self._folders: dict[str, str] = {}
        self.finished: dict[str, Finished] = {}
        """The files that are kept, by path."""
        with writing(target):
            if self._replaced.exists() and not target.exists():  # killed between the two steps of `publish`
                os.replace(self._replaced, target)
            if not self._resume():
                self._start()
            self._lines = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, path: str, content: bytes, about: dict[str, Any]) -> None:
        """Writes a file and its line of the journal.

        Raises:
            UserError: the disk refuses it.
        """
        with writing(self._target / path):
            folder, name = os.path.split(path)
            if folder not in self._folders:
                (self.content / folder).mkdir(exist_ok=True)
                self._folders[folder] = f"{self.content / folder}{os.sep}"
            with open(self._folders[folder] + name, "wb", buffering=0) as file:
                _write_all(file.fileno(), content)
            line = json.dumps({"path": path, "about": about, "length": len(content), "checksum": zlib.crc32(content)})
            _write_all(self._lines, line.encode() + b"\n")

    def close(self) -> None:
        """Ends the work; a workspace with nothing to go on with is removed."""
        os.close(self._lines)
        if self._identity is None or not any(self.content.glob("*/*")):
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self) -> None:
        """Puts the content in the target's place.

        Raises:
            UserError: the disk refuses it.
        """
        with writing(self._target):
            _sync_disk(self.content)
            if self._target.exists():  # moved aside at once: a kill while it is deleted must not leave half of it
                os.replace(self._target, self._replaced)
            try:
                os.replace(self.content, self._target)
            except OSError:
                if self._replaced.exists():
                    os.replace(self._replaced, self._target)
                raise
        self._journal.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.content.mkdir(parents=True)
        self._journal.write_text(self._header(), encoding="utf-8")

    def _header(self) -> str:
        return json.dumps({"format": FORMAT, "identity": self._identity}) + "\n"

    def _resume(self) -> bool:
        try:
            lines = self._journal.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return False
        if self._identity is None or not self.content.is_dir() or not lines or lines[0] != self._header().encode():
            return False
        length = len(lines[0])
        for line in lines[1:]:
            try:
                finished = Finished(**json.loads(line))
            except (ValueError, TypeError):  # torn by a power failure; what follows is of no use
                break
            if not line.endswith(b"\n"):
                break
            self.finished[finished.path] = finished
            length += len(line)
        os.truncate(self._journal, length)  # the next line must not be glued to a torn one
        files = progress(self.finished.values(), len(self.finished), "finished before", unit="files")
        self.finished = {finished.path: finished for finished in files if self._is_whole(finished)}
        return True

    def _is_whole(self, finished: Finished) -> bool:
        try:
            content = (self.content / finished.path).read_bytes()
        except OSError:
            return False
        return len(content) == finished.length and zlib.crc32(content) == finished.checksum


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_disk(folder: Path) -> None:
    """One ``syncfs`` for all files, since an fsync each takes longer than making them; Python lends ``sync`` alone,
    which waits for every disk of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
