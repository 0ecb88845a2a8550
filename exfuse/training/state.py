"""What an interrupted training goes on from: states beside its outputs, of which the last two are kept.

A state is a file of torch's, read as data alone, and a note beside it with step, key of the job and SHA-256. Both
appear whole or not at all, the note last. A newest state that is damaged makes the one before count.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from exfuse.errors import UserError
from exfuse.files import atomic_path, digest, write_json, writing
from exfuse.training.notes import Saved, notes

KEPT = 2


class StateFolder:
    """The states of one training.

    Args:
        folder: of the states.
        key: of the job; states of another one are not gone on from.
        about: what is noted of the process that trains.

    Attributes:
        stretches: for each process that had a share in the training the step it went on from, and what was noted of it.
    """

    def __init__(self, folder: Path, key: str, about: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.key = key
        self._about = dict(about or {})
        self.stretches: list[dict[str, Any]] = [{"from_step": 0, **self._about}]
        self._good: Saved | None = None

    def latest(self) -> dict[str, Any] | None:
        """The newest state that is whole, with its tensors on the CPU; none where the training has to begin."""
        for saved in self._saved():
            if saved.key != self.key:
                continue
            if _is_whole(saved):
                self._good = saved
                content: dict[str, Any] = torch.load(saved.file, map_location="cpu", weights_only=True)
                self.stretches = [*saved.stretches, {"from_step": saved.step, **self._about}]
                return content
            _say(f"{saved.file} is damaged; it is passed over")
        return None

    def save(self, step: int, content: dict[str, Any]) -> None:
        """Writes a state and removes all but the last two.

        Args:
            step: steps that are done.
            content: tensors, numbers and strings, in dictionaries and lists.

        Raises:
            UserError: it cannot be written; the states before are there as they were.
        """
        note = self.folder / f"step{step:09d}.json"
        sha256 = _write(note.with_suffix(".pt"), content)
        write_json(note, {"step": step, "key": self.key, "sha256": sha256, "stretches": self.stretches})
        _sync(self.folder)  # before others are removed
        own = [saved for saved in self._saved() if saved.key == self.key and saved.step <= step]
        self._good = own[0]
        self._keep(own[:KEPT])

    def make_room(self) -> bool:
        """Removes all but the state that was gone on from or saved last; false where nothing else was there."""
        return self._keep([self._good] if self._good else [])

    def _keep(self, kept: list[Saved]) -> bool:
        """Removes older states, damaged ones, other jobs', what a killed process left; gives whether any was there."""
        names = {path for saved in kept for path in (saved.note, saved.file)}
        others = [path for path in sorted(self.folder.glob("*step*")) if path not in names]
        with writing(self.folder):
            for path in others:  # a note goes before its state, which does not count without it
                path.unlink(missing_ok=True)
        return bool(others)

    def _saved(self) -> list[Saved]:
        """The newest first."""
        found, damaged = notes(self.folder)
        for note in damaged:
            _say(f"{note} is damaged; it is passed over")
        return found


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, content: bytes | memoryview) -> int:
        self.sha256.update(content)
        try:
            return self._stream.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._stream.flush()


def _write(target: Path, content: dict[str, Any]) -> str:
    with atomic_path(target) as temporary, open(temporary, "wb") as stream:
        hashing = _Hashing(stream)
        try:
            torch.save(content, hashing)  # type: ignore[arg-type]  # writing is all that it needs
        except RuntimeError as error:  # torch's own, in place of the disk's
            raise hashing.error or error from error
    return hashing.sha256.hexdigest()


def _is_whole(saved: Saved) -> bool:
    try:
        return saved.file.is_file() and digest(saved.file) == saved.sha256
    except UserError:  # it cannot be read
        return False


def _sync(folder: Path) -> None:
    """Makes renames in a folder last, should the machine lose power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _say(message: str) -> None:
    print(message, file=sys.stderr)
