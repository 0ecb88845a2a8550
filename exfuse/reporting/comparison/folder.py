"""What a results folder tells of itself: its jobs' manifests and provenance, its tables, its claims."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json
from exfuse.reporting.comparison.lines import (
    CLAIM_COLUMNS,
    CLAIM_NUMBERS,
    TABLE_COLUMNS,
    TABLE_NUMBERS,
    Line,
    read_lines,
)
from exfuse.spec.manifest import provenance_file

LARGE = frozenset({"images", "masks", "state", "logs"})
"""Folders that hold no manifests, but perhaps very many files."""
FACTS = ("code", "python", "libraries", "host", "system", "machine", "device")


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """What a job left: its manifest (``spec/manifest.py``) and its provenance, empty where there is none."""

    name: str
    key: str
    settings: Any
    upstream: Mapping[str, str]
    outputs: Mapping[str, str]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class ResultsFolder:
    """One reproduction.

    Attributes:
        path: of the folder, as it was given.
        jobs: by name.
        tables: lines by the table's name.
        claims: lines; none where there is no such file.
        problems: files that were passed over, and why.
    """

    path: Path
    jobs: Mapping[str, JobRecord]
    tables: Mapping[str, list[Line]]
    claims: list[Line] | None
    problems: tuple[str, ...]

    @cached_property
    def preset(self) -> str:
        """Its preset's name, as its manifests tell; else its folder's."""
        return self._told("preset") or self.path.absolute().name

    @cached_property
    def caveat(self) -> str:
        """What a reader has to know before its numbers; empty where nobody says."""
        return self._told("caveat")

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that runs were trained with."""
        found = (re.match(r"runs/[^/]+/seed(\d+)/", name) for name in self.jobs)
        return tuple(sorted({int(match[1]) for match in found if match}))

    def facts(self, name: str) -> list[tuple[str, int]]:
        """Distinct values of a line of provenance, each with the number of its jobs."""
        found = (job.provenance.get(name) for job in self.jobs.values())
        return Counter(_words(value) for value in found if value).most_common()

    @cached_property
    def finished(self) -> tuple[str, str]:
        """When the first and the last of its jobs ended; empty where nobody says."""
        times = sorted(str(job.provenance["finished"]) for job in self.jobs.values() if "finished" in job.provenance)
        return (times[0], times[-1]) if times else ("", "")

    def _told(self, name: str) -> str:
        found = (job.settings.get(name) for job in self.jobs.values() if isinstance(job.settings, dict))
        return next((value for value in found if isinstance(value, str) and value), "")


def read_folder(path: Path) -> ResultsFolder:
    """Reads a results folder.

    Raises:
        UserError: it is no such folder, or a table or the claims cannot be read.
    """
    if not path.is_dir():
        raise UserError(f"cannot compare {path}: there is no such folder. Give a results folder, such as results/mini.")
    jobs, problems = {}, []
    for manifest in _manifests(path):
        try:
            job = _read_job(manifest)
        except (UserError, KeyError, TypeError, AttributeError):
            problems.append(f"{manifest.relative_to(path).as_posix()} is no manifest that can be read")
        else:
            jobs[job.name] = job
    files = sorted((path / "tables").glob("table*.csv"), key=lambda file: (len(file.name), file.name))
    tables = {file.stem: read_lines(file, TABLE_COLUMNS, TABLE_NUMBERS) for file in files}
    claims = path / "claims.csv"
    lines = read_lines(claims, CLAIM_COLUMNS, CLAIM_NUMBERS) if claims.exists() else None
    if not (jobs or tables or lines):
        raise UserError(f"cannot compare {path}: it holds no results of this program. {_advice(path)}")
    return ResultsFolder(path, jobs, tables, lines, tuple(problems))


def require_two(a: Path, b: Path) -> None:
    """Checks that two folders are not one.

    Raises:
        UserError: they are.
    """
    if a.exists() and b.exists() and os.path.samefile(a, b):
        raise UserError(f"{a} and {b} are the same folder. Give two reproductions.")


def _manifests(path: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(path):
        inner[:] = sorted(name for name in inner if name not in LARGE and not name.startswith("."))
        yield from (
            Path(folder, name) for name in sorted(files) if name == "manifest.json" or name.endswith(".manifest.json")
        )


def _read_job(manifest: Path) -> JobRecord:
    content = read_json(manifest)
    provenance = provenance_file(manifest)
    made = read_json(provenance) if provenance.is_file() else {}
    outputs = {path: str(file["sha256"]) for path, file in content["outputs"].items()}
    return JobRecord(
        name=str(content["job"]),
        key=str(content["key"]),
        settings=content["settings"],
        upstream={name: str(key) for name, key in content["upstream"].items()},
        outputs=outputs,
        provenance=made if isinstance(made, dict) else {},
    )


def _advice(path: Path) -> str:
    inner = sorted(folder for place in (path / "results", path) for folder in place.glob("*/tables") if folder.is_dir())
    return f"Did you mean {inner[0].parent}?" if inner else "Give a results folder, such as results/mini."


def _words(value: Any) -> str:
    return ", ".join(f"{key} {value[key]}" for key in sorted(value)) if isinstance(value, dict) else str(value)
