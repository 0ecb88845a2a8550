"""What a results folder tells of itself: its jobs' manifests and provenance, its tables, its claims."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json, read_mapping
from exfuse.reporting.comparison.advice import advice
from exfuse.reporting.comparison.lines import (
    CLAIM_COLUMNS,
    CLAIM_NUMBERS,
    TABLE_COLUMNS,
    TABLE_NUMBERS,
    Line,
    number,
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
        """How many seeds stand behind its numbers, each count once; the folder may hold more that no number is of."""
        lines = [line for table in self.tables.values() for line in table] or self.claims or []
        counts = (number(line, "seeds") for line in lines if line.get("measured"))
        return tuple(sorted({int(count) for count in counts if count}))

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
    """Reads a results folder; files that cannot be read are passed over and listed.

    Raises:
        UserError: it is no such folder.
    """
    if not os.path.isdir(path):
        raise UserError(f"cannot compare {path}: there is no such folder. Give a results folder, such as results/mini.")
    jobs, problems, placed = _read_jobs(path)
    files = sorted((path / "tables").glob("table*.csv"), key=lambda file: (len(file.name), file.name))
    found = {file.stem: _lines(path, file, TABLE_COLUMNS, TABLE_NUMBERS, problems) for file in files}
    tables = {name: lines for name, lines in found.items() if lines}
    claims = path / "claims.csv"
    there = os.path.lexists(claims)
    lines = _lines(path, claims, CLAIM_COLUMNS, CLAIM_NUMBERS, problems) if there else None
    if not (placed or tables or lines):
        more = f" ({problems[0].rstrip('.')})" if problems and (files or there) else ""
        raise UserError(f"cannot compare {path}: it is no folder of results{more}. {advice(path)}")
    return ResultsFolder(path, jobs, tables, lines, tuple(problems))


def require_two(a: Path, b: Path) -> None:
    """Checks that two folders are not one, and none a part of the other.

    Raises:
        UserError: they are.
    """
    if not (os.path.exists(a) and os.path.exists(b)):
        return
    if os.path.samefile(a, b):
        raise UserError(f"{a} and {b} are the same folder. Give two reproductions.")
    for inner, outer in ((a, b), (b, a)):
        if outer.resolve() in inner.resolve().parents:
            raise UserError(f"{inner} lies in {outer}, and would be compared with itself. Give two reproductions.")


def _lines(
    path: Path, source: Path, columns: Collection[str], numbers: Collection[str], problems: list[str]
) -> list[Line] | None:
    """A file's lines; none, and a problem more, where it cannot be read."""
    try:
        return read_lines(source, columns, numbers)
    except UserError as error:
        problems.append(str(error).replace(str(source), source.relative_to(path).as_posix()))
        return None


def _manifests(path: Path) -> tuple[list[Path], list[str]]:
    """All manifests, those behind links to other disks too, and the folders that cannot be read.

    No folder is entered twice, and none above the first.
    """
    closed: list[str] = []
    found, entered, starts = [], set(map(str, path.resolve().parents)), [str(path)]
    for start in starts:  # grows by links, which come last: a folder is known by its own name
        for folder, inner, files in os.walk(start, onerror=lambda error: closed.append(str(error.filename))):
            real = os.path.realpath(folder)
            names = [name for name in inner if name not in LARGE and not name.startswith(".") and real not in entered]
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]
            starts += [os.path.join(folder, name) for name in sorted(links)]
            inner[:] = [name for name in names if name not in links]
            if real not in entered:
                found += [Path(folder, name) for name in files if f".{name}".endswith(".manifest.json")]
            entered.add(real)
    return sorted(found), [f"{Path(folder).relative_to(path).as_posix()} cannot be read" for folder in closed]


def _read_jobs(path: Path) -> tuple[dict[str, JobRecord], list[str], bool]:
    """Jobs by name, what was passed over, and whether any of them lies where its job writes.

    Of two manifests of one job the one that does counts.
    """
    jobs: dict[str, JobRecord] = {}
    places: dict[str, str] = {}
    manifests, problems = _manifests(path)
    for manifest in manifests:
        place = manifest.relative_to(path).as_posix()
        try:
            job = _read_job(manifest)
        except (UserError, KeyError, TypeError, AttributeError):
            problems.append(f"{place} is no manifest that can be read")
            continue
        provenance = provenance_file(manifest)
        if os.path.exists(provenance) and not job.provenance:
            problems.append(f"{provenance.relative_to(path).as_posix()} cannot be read; its job counts, without code")
        rival = places.get(job.name)
        replaces = rival is None or (_fits(place, job.name) and not _fits(rival, job.name))
        if rival is not None:
            kept, other = (place, rival) if replaces else (rival, place)
            problems.append(f"{other} is a second manifest of {job.name}; {kept} counts")
        if replaces:
            jobs[job.name], places[job.name] = job, place
    return jobs, problems, any(_fits(place, name) for name, place in places.items())


def _fits(place: str, job: str) -> bool:
    return place in (f"{job}/manifest.json", f"{job}.manifest.json")


def _read_job(manifest: Path) -> JobRecord:
    content = read_json(manifest)
    outputs = {path: str(file["sha256"]) for path, file in content["outputs"].items()}
    return JobRecord(
        name=str(content["job"]),
        key=str(content["key"]),
        settings=content["settings"],
        upstream={name: str(key) for name, key in content["upstream"].items()},
        outputs=outputs,
        provenance=read_mapping(provenance_file(manifest)),
    )


def _words(value: Any) -> str:
    return ", ".join(f"{key} {value[key]}" for key in sorted(value)) if isinstance(value, dict) else str(value)
