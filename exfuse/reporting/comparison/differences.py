"""Where two reproductions differ in what they were told and given: settings, data, jobs, bits."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exfuse.reporting.comparison.folder import JobRecord, ResultsFolder

PAGE = ("report", "crate")
"""Jobs that only put together what others made; their settings are texts."""
PRINTING = ("tables/", "figures/", "claims", "gallery")
"""Jobs that print what others measured; a part of their settings is texts."""
TEXTS = frozenset(
    {"preset", "data", "caveat", "labels", "title", "caption", "note", "label", "marks", "columns", "text", "source"}
    | {"why", "why_margin"}
)
"""What such a job only prints: no number depends on it."""
ABSENT = "–"


@dataclass(frozen=True)
class SettingDifference:
    """A setting by dotted path with both values, and the jobs that have it."""

    path: str
    a: str
    b: str
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class DataDifference:
    """Something that a job of data read or listed, by its digest on both sides.

    Attributes:
        job: its name.
        item: what it read or wrote.
        a: digest on one side.
        b: on the other.
        archive: whether it comes from outside; else preparation made it.
    """

    job: str
    item: str
    a: str
    b: str
    archive: bool


@dataclass(frozen=True)
class Differences:
    """All of them.

    Attributes:
        settings: of jobs that both have, data and the page apart.
        data: archives and lists of images.
        same_data: how many of these are equal.
        only_a: jobs that B has not.
        only_b: jobs that A has not.
        trained: trainings that both have.
        same_bits: how many of these left the same files, to the last bit.
    """

    settings: tuple[SettingDifference, ...]
    data: tuple[DataDifference, ...]
    same_data: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    trained: int
    same_bits: int


def differences(a: ResultsFolder, b: ResultsFolder) -> Differences:
    """Compares two folders job by job."""
    common = [(job, b.jobs[name]) for name, job in a.jobs.items() if name in b.jobs]
    data = [one for pair in common if pair[0].name.startswith("data/") for one in _data(*pair)]
    trained = [(one, other) for one, other in common if _trains(one.name)]
    return Differences(
        settings=_settings(common),
        data=tuple(one for one in data if one.a != one.b),
        same_data=sum(one.a == one.b for one in data),
        only_a=tuple(name for name in a.jobs if name not in b.jobs),
        only_b=tuple(name for name in b.jobs if name not in a.jobs),
        trained=len(trained),
        same_bits=sum(bool(one.outputs) and one.outputs == other.outputs for one, other in trained),
    )


def leaves(tree: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Values of nested groups by dotted path; lists of plain values in one line."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{at}.{key}" if at else str(key))
    elif isinstance(tree, list) and any(isinstance(value, dict | list) for value in tree):
        for place, value in enumerate(tree):
            yield from leaves(value, f"{at}.{place}")
    elif isinstance(tree, list):
        yield at, ", ".join(map(_word, tree)) or "none"
    else:
        yield at, _word(tree)


def _settings(pairs: Iterable[tuple[JobRecord, JobRecord]]) -> tuple[SettingDifference, ...]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for one, other in pairs:
        if one.name.startswith(PAGE):
            continue
        a, b = (dict(leaves(_telling(job))) for job in (one, other))
        for path in dict.fromkeys([*a, *b]):
            values = (a.get(path, ABSENT), b.get(path, ABSENT))
            if values[0] != values[1]:
                found.setdefault((path, *values), []).append(one.name)
    return tuple(SettingDifference(*place, tuple(jobs)) for place, jobs in found.items())


def _telling(job: JobRecord) -> Any:
    """The settings that numbers depend on; archives are told as data."""
    if job.name.startswith("data/") and isinstance(job.settings, dict):
        return {key: value for key, value in job.settings.items() if key != "raw"}
    return _without_texts(job.settings) if job.name.startswith(PRINTING) else job.settings


def _without_texts(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_texts(value) for key, value in tree.items() if key not in TEXTS}
    if isinstance(tree, list):
        return [_without_texts(value) for value in tree]
    return tree


def _data(one: JobRecord, other: JobRecord) -> list[DataDifference]:
    found = []
    for archive, read in ((True, _archives), (False, _lists)):
        a, b = read(one), read(other)
        items = dict.fromkeys([*a, *b])
        found += [DataDifference(one.name, item, a.get(item, ABSENT), b.get(item, ABSENT), archive) for item in items]
    return found


def _archives(job: JobRecord) -> dict[str, str]:
    """What a job of data read: publishers' archives or own images by digest, generated archives by their key."""
    raw = job.settings.get("raw") if isinstance(job.settings, dict) else None
    files = raw.items() if isinstance(raw, dict) else [("images and masks", raw)] if raw else []
    found = {str(name): str(value) for name, value in files}
    if "archives" in job.upstream:
        found["generated archives"] = f"key {job.upstream['archives']}"
    return found


def _lists(job: JobRecord) -> dict[str, str]:
    """What it wrote: lists of images."""
    return {name: f"sha256:{value}" for name, value in job.outputs.items()}


def _trains(name: str) -> bool:
    return name.startswith(("backbones/", "runs/")) and not name.endswith(("/val", "/test"))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
