"""Where every number comes from: each job's manifest and provenance, from the report back to the archives."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_csv, read_json
from exfuse.reporting.evaluations import MISSING, STALE, shown_path
from exfuse.spec.datasets import OWN
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph, Job
from exfuse.spec.manifest import provenance_file

FRESH = "made"
PRINTED = ("tables/", "figures/", "claims", "report")
OFFICIAL = "official"
"""The folder of ``datasets.yaml`` with the publishers' whole archives."""
SHARED_FACTS = ("code", "python", "host", "device", "system", "libraries")


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
        return dict(_flat(self.manifest.get("settings") or self.job.settings))

    @property
    def key(self) -> str:
        """The key that it was made under; empty where it was not made."""
        return str(self.manifest.get("key", ""))

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Digest and size of each file that it made."""
        found = self.manifest.get("outputs")
        return found if isinstance(found, dict) else {}

    @property
    def stretches(self) -> list[Mapping[str, Any]]:
        """For each process that had a share in a training the step it went on from, code and host; else none."""
        found = self.provenance.get("stretches")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def seconds(self) -> float | None:
        """Seconds of the clock that it took."""
        seconds = self.provenance.get("seconds")
        wall = seconds.get("wall") if isinstance(seconds, dict) else None
        return float(wall) if isinstance(wall, int | float) else None

    def fact(self, name: str) -> str:
        """A line of its provenance in words; empty where it is not known, several where a training was interrupted."""
        return ", ".join(self.values(name))

    def values(self, name: str) -> tuple[str, ...]:
        """The distinct values of a line of its provenance, first those of an interrupted training's stretches."""
        found = (_words(part.get(name, "")) for part in (*self.stretches, self.provenance))
        return tuple(dict.fromkeys(value for value in found if value))


@dataclass(frozen=True)
class ArchiveFile:
    """A raw file: who published it, and which content was read."""

    publisher: str
    file: str
    identity: str
    size: int | None
    published_md5: str


@dataclass(frozen=True)
class ImageSet:
    """A list of images to train or evaluate on: rows, distinct images (none where it is missing), rows by publisher."""

    name: str
    rows: int | None
    images: int | None
    sources: str
    state: str


def record(graph: Graph, name: str) -> Record:
    """What a job left behind."""
    job = graph.job(name)
    state = FRESH if has_expected_key(job) else STALE if job.manifest.is_file() else MISSING
    return Record(job, state, _mapping(job.manifest), _mapping(provenance_file(job.manifest)))


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


def archive_files(graph: Graph) -> list[ArchiveFile]:
    """The raw files that the preset reads, with the identity under which they were read."""
    if graph.spec.folder.own is not None:
        settings = record(graph, f"data/{OWN}").manifest.get("settings") or {}
        place = shown_path(graph, graph.spec.archive_folder)
        return [ArchiveFile(OWN, f"images, masks and lists in {place}", settings.get("raw") or "", None, "")]
    made = record(graph, "archives").outputs if "archives" in graph.jobs else {}
    found = []
    for publisher, archives in graph.spec.folder.archives.items():
        name = f"data/{publisher}"
        prepared = (record(graph, name).manifest.get("settings") or {}) if name in graph.jobs else {}
        for archive in archives:
            output = next((o for path, o in made.items() if Path(path).name == archive.file), {})
            digest = f"sha256:{output['sha256']}" if "sha256" in output else None
            identity = digest or (prepared.get("raw") or {}).get(archive.file) or ""
            found.append(ArchiveFile(publisher, archive.file, identity, output.get("bytes"), archive.md5 or ""))
    return found


def image_sets(graph: Graph) -> list[ImageSet]:
    """The lists that stages train and evaluate on, as prepared."""
    return [_image_set(graph, name) for name in graph.jobs if name.startswith("data/sets/")]


def published_sets(graph: Graph) -> Mapping[str, int]:
    """Images of each set at the paper's size, GCN's mix with COCO included; own data have nothing to compare with."""
    datasets = graph.spec.datasets
    official = datasets.folders.get(OFFICIAL)
    if graph.spec.folder.own is not None or official is None:
        return {}
    sizes = dict[str, int](official.sets.items())
    return sizes if datasets.gcn_images is None else {**sizes, "GCN's mix with COCO": datasets.gcn_images}


def _image_set(graph: Graph, name: str) -> ImageSet:
    about = record(graph, name)
    short = name.removeprefix("data/sets/")
    try:
        rows = read_csv(about.job.outputs[0])
    except UserError:
        return ImageSet(short, None, None, "", about.state)
    sources = Counter(row.get("source", "") for row in rows)
    words = ", ".join(f"{count:,} {source}" for source, count in sorted(sources.items()))
    return ImageSet(short, len(rows), len({(row.get("source"), row.get("id")) for row in rows}), words, about.state)


def unfinished(graph: Graph, records: Sequence[Record]) -> dict[str, list[str]]:
    """Manifests of missing and of stale jobs."""
    return {
        state: [shown_path(graph, one.job.manifest) for one in records if one.state == state]
        for state in (MISSING, STALE)
    }


def _words(value: Any) -> str:
    return ", ".join(f"{key} {value[key]}" for key in sorted(value)) if isinstance(value, dict) else str(value)


def _mapping(source: Path) -> Mapping[str, Any]:
    try:
        content = read_json(source)
    except UserError:
        return {}
    return content if isinstance(content, dict) else {}


def _flat(tree: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested groups by dotted path; lists in one line."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _flat(value, f"{at}.{key}" if at else str(key))
    elif tree is None:
        yield at, "none"
    elif isinstance(tree, list | tuple):
        yield at, ", ".join(map(str, tree))
    else:
        yield at, str(tree).lower() if isinstance(tree, bool) else str(tree)
