"""Notes beside the saved states of a training: what each holds, readable without torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Saved:
    """A state as its note describes it.

    Attributes:
        note: the file that says so.
        step: steps that were done.
        key: of the job.
        sha256: of the state's file.
        stretches: for each process that had a share in it the step it went on from, and what was noted of it.
        at: when, in seconds of the epoch.
    """

    note: Path
    step: int
    key: str
    sha256: str
    stretches: list[dict[str, Any]]
    at: float

    @property
    def file(self) -> Path:
        """The state itself."""
        return self.note.with_suffix(".pt")

    @property
    def host(self) -> str:
        """The machine that saved it; empty where that was not noted."""
        return str(self.stretches[-1].get("host", "")) if self.stretches else ""


def notes(folder: Path) -> tuple[list[Saved], list[Path]]:
    """The states of a folder, the newest first, and notes that are damaged; the states themselves are not looked at."""
    found, damaged = [], []
    for note in sorted(folder.glob("step*.json"), reverse=True):
        try:
            words = json.loads(note.read_text(encoding="utf-8"))
            stretches = [dict(stretch) for stretch in words["stretches"]]
            at = note.stat().st_mtime
            found.append(Saved(note, int(words["step"]), str(words["key"]), str(words["sha256"]), stretches, at))
        except FileNotFoundError:  # a training that runs has removed it
            continue
        except (OSError, ValueError, KeyError, TypeError):
            damaged.append(note)
    return sorted(found, key=lambda saved: saved.step, reverse=True), damaged


def usable(folder: Path, key: str) -> Saved | None:
    """The newest state of a job's key whose file is there."""
    return next((saved for saved in notes(folder)[0] if saved.key == key and saved.file.is_file()), None)
