"""Where every number comes from: each job's manifest and provenance, from the report back to the archives."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exfuse.files import is_file, read_mapping
from exfuse.reporting.evaluations import MISSING, STALE, shown_path
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph, Job
from exfuse.spec.manifest import provenance_file, recorded_key

FRESH = "made"
PRINTED = ("tables/", "figures/", "gallery", "claims", "report", "crate")
LONGEST = 1e9
"""Seconds: what is said to have taken thirty years is a mistake."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""What is said to have been finished before is a mistake, too."""
LARGEST = 2**63
"""Bytes: no file system holds a file of so many."""
SHARED_FACTS = ("code", "python", "host", "device", "gpu", "system", "libraries")
ENVIRONMENT = ("code", "python", "libraries", "device", "gpu", "gpus", "machine", "system", "host")
"""Lines of provenance that jobs of one call have in common."""
MOST_LINES, MOST_BYTES = 20, 4000
"""Of a log's end."""


@dataclass(frozen=True)
class MadeFile:
    """A file as its job recorded it: its name beside the manifest, digest and bytes; and what became of it since.

    Attributes:
        name: beside the manifest.
        sha256: of its content; empty where nothing is recorded.
        size: in bytes; none likewise.
        problem: why it is not what was recorded; empty where it is, by its length.
    """

    name: str
    sha256: str
    size: int | None
    problem: str


@dataclass(frozen=True)
class Source:
    """A job that another read from.

    Attributes:
        job: its name.
        kind: of the place on the page that tells of it: ``backbone``, ``run``, ``set``, ``prepared`` or ``archive``.
        name: of that place.
        key: under which it was read; empty where it is not known.
        problem: why it is not what lies there now; empty where it is.
    """

    job: str
    kind: str
    name: str
    key: str
    problem: str


@dataclass(frozen=True)
class Environment:
    """Code, libraries and machine that made some of the results, with a number to refer to."""

    number: int
    facts: tuple[tuple[str, str], ...]
    jobs: int


@dataclass(frozen=True)
class Record:
    """A job with what it left behind.

    Attributes:
        job: what the spec asks for.
        state: ``made``, ``stale`` (under another key) or ``missing``.
        manifest: what the manifest holds; empty where it cannot be read.
        provenance: code, libraries, machine, command, time; empty likewise.
    """

    job: Job
    state: str
    manifest: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, str]:
        """Its settings by dotted path: those that it was made with, or those that the spec asks for."""
        return dict(flat(self.recorded_settings or self.job.settings))

    @property
    def recorded_settings(self) -> Mapping[str, Any]:
        """Those in its manifest; empty where there are none."""
        found = self.manifest.get("settings")
        return found if isinstance(found, dict) else {}

    @property
    def key(self) -> str:
        """The key that it was made under; empty where it was not made."""
        return str(self.manifest.get("key", ""))

    @property
    def files(self) -> list[MadeFile]:
        """The files that it made; names that lead out of its folder were never its own."""
        found = self.manifest.get("outputs")
        named = found if isinstance(found, dict) else {}
        own = (name for name in named if not name.startswith("/") and ".." not in Path(name).parts)
        return [_made_file(self.job.manifest.parent / name, name, named[name]) for name in own]

    @property
    def stretches(self) -> list[Mapping[str, Any]]:
        """For each process that had a share in a training the step it went on from, code and host; else none."""
        found = self.provenance.get("stretches")
        kept = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return [{name: one.get(name, "unknown") for name in ("from_step", "code", "host")} for one in kept]

    @property
    def interrupted(self) -> bool:
        """Whether a training took several processes, of which only the last one's seconds are known."""
        return len(self.stretches) > 1

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """What it shares with other jobs of one call."""
        return tuple((name, self.fact(name)) for name in ENVIRONMENT if self.fact(name))

    @property
    def seconds(self) -> float | None:
        """Seconds of the clock that it took; of its last process alone where it was interrupted."""
        return self._seconds("wall")

    @property
    def cpu_seconds(self) -> float | None:
        """Seconds of the processor that it took, all cores together."""
        return self._seconds("cpu")

    @property
    def ended(self) -> datetime | None:
        """When it was finished."""
        try:
            moment = datetime.fromisoformat(str(self.provenance.get("finished")))
            if moment.astimezone(UTC) < EARLIEST:
                return None
        except (ValueError, OverflowError):
            return None
        return moment if moment.tzinfo else moment.astimezone()

    @property
    def began(self) -> datetime | None:
        """When it was begun; none where it is not known, as of a training that was interrupted."""
        if self.ended is None or self.seconds is None or self.interrupted:
            return None
        return self.ended - timedelta(seconds=self.seconds)

    @property
    def peak_memory_mb(self) -> int | None:
        """The largest memory that its process held."""
        return self._count("peak_memory_mb")

    @property
    def peak_gpu_memory_mb(self) -> int | None:
        """The largest memory that its tensors took of a GPU."""
        return self._count("peak_gpu_memory_mb")

    def _count(self, name: str) -> int | None:
        found = self.provenance.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < LONGEST else None

    def _seconds(self, kind: str) -> float | None:
        seconds = self.provenance.get("seconds")
        found = seconds.get(kind) if isinstance(seconds, dict) else None
        return float(found) if isinstance(found, int | float) and 0 <= found < LONGEST else None

    def fact(self, name: str) -> str:
        """A line of its provenance in words; empty where it is not known, several where a training was interrupted."""
        return ", ".join(self.values(name))

    def values(self, name: str) -> tuple[str, ...]:
        """The distinct values of a line of its provenance, first those of an interrupted training's stretches."""
        found = (_words(part.get(name, "")) for part in (*self.stretches, self.provenance))
        return tuple(dict.fromkeys(value for value in found if value))


def record(graph: Graph, name: str) -> Record:
    """What a job left behind."""
    job = graph.job(name)
    state = FRESH if has_expected_key(job) else STALE if is_file(job.manifest) else MISSING
    return Record(job, state, read_mapping(job.manifest), read_mapping(provenance_file(job.manifest)))


def all_records(graph: Graph) -> list[Record]:
    """Every job but those that print, and data that no job reads (not every preset trains on every set)."""
    read = {other for job in graph.jobs.values() for other in (*job.upstream, *job.after)}
    names = (name for name in graph.jobs if not name.startswith("data/") or name in read)
    return [record(graph, name) for name in names if not name.startswith(PRINTED)]


def shared_facts(records: Sequence[Record]) -> dict[str, list[tuple[str, int]]]:
    """Code, Python, machine and libraries that made the fresh results, each value with the number of its jobs.

    A training that went on with other code counts for each.
    """
    fresh = [one for one in records if one.state == FRESH]
    facts = {name: Counter(value for one in fresh for value in one.values(name)) for name in SHARED_FACTS}
    return {name: counts.most_common() for name, counts in facts.items() if counts}


def unfinished(graph: Graph, records: Sequence[Record]) -> dict[str, list[str]]:
    """Manifests of missing and of stale jobs."""
    return {
        state: [shown_path(graph, one.job.manifest) for one in records if one.state == state]
        for state in (MISSING, STALE)
    }


def sources(graph: Graph, about: Record) -> list[Source]:
    """What a job read: by its manifest, or what it would read now."""
    recorded = about.manifest.get("upstream")
    keys = recorded if isinstance(recorded, dict) else {}
    return [_source(graph, other, str(keys.get(other, ""))) for other in about.job.upstream]


def environments(records: Sequence[Record]) -> dict[tuple[tuple[str, str], ...], Environment]:
    """Distinct environments of the jobs that were made, the most frequent first."""
    counts = Counter(one.environment for one in records if one.environment)
    return {
        facts: Environment(number, facts, jobs) for number, (facts, jobs) in enumerate(counts.most_common(), start=1)
    }


def log_file(graph: Graph, about: Record) -> str:
    """Where a job's messages lie; empty where there are none."""
    path = graph.layout.log(about.job.name)
    return shown_path(graph, path) if is_file(path) else ""


def log_end(graph: Graph, about: Record) -> str:
    """The last lines that a job wrote which is not there, without the machine's path to the repository."""
    source = graph.layout.log(about.job.name)
    if about.state != MISSING:
        return ""
    try:
        words = source.read_bytes()[-MOST_BYTES:].decode(errors="replace")
    except OSError:
        return ""
    lines = words.replace("\r", "\n").replace(f"{graph.spec.root.resolve()}/", "").splitlines()
    return "\n".join([line for line in lines if line.strip()][-MOST_LINES:])


def _source(graph: Graph, name: str, key: str) -> Source:
    first, _, rest = name.partition("/")
    kind, place = {
        "backbones": ("backbone", rest),
        "runs": ("run", rest.partition("/")[0]),
        "archives": ("archive", "files"),
    }.get(first, ("set", rest.removeprefix("sets/")) if rest.startswith("sets/") else ("prepared", rest))
    there = recorded_key(graph.jobs[name].manifest)
    problem = ""
    if key and there is None:
        problem = "not there any more"
    elif key and key != there:
        problem = f"what lies there now is another, {there}"
    return Source(name, kind, place, key, problem)


def _made_file(path: Path, name: str, about: Any) -> MadeFile:
    known = about if isinstance(about, dict) else {}
    sha256, size = known.get("sha256"), known.get("bytes")
    digest = sha256 if isinstance(sha256, str) else ""
    length = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < LARGEST else None
    try:
        there = path.stat().st_size
    except (OSError, ValueError):  # a name that no system can hold
        return MadeFile(name, digest, length, "not here any more")
    wrong = length is not None and there != length
    return MadeFile(name, digest, length, f"another now: {there} bytes" if wrong else "")


def _words(value: Any) -> str:
    return ", ".join(f"{key} {value[key]}" for key in sorted(value)) if isinstance(value, dict) else str(value)


def flat(tree: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested groups by dotted path; lists in one line."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from flat(value, f"{at}.{key}" if at else str(key))
    elif tree is None:
        yield at, "none"
    elif isinstance(tree, list | tuple):
        yield at, ", ".join(map(str, tree))
    else:
        yield at, str(tree).lower() if isinstance(tree, bool) else str(tree)
