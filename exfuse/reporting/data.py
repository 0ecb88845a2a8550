"""The data beneath every number: publishers' archives, what was prepared of them, and the sets that are read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import is_file, read_csv
from exfuse.reporting.contradictions import is_altered
from exfuse.reporting.evaluations import shown_path
from exfuse.reporting.lineage import Record, record
from exfuse.spec.datasets import OWN
from exfuse.spec.graph import Graph

OFFICIAL = "official"
"""The folder of ``datasets.yaml`` with the publishers' whole archives."""


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
    """A list of images to train or evaluate on.

    Attributes:
        name: of the set.
        rows: how many there are; none where the list is missing, or not the one that its job left.
        images: distinct ones; none likewise.
        sources: rows by publisher, in words; empty likewise.
        record: of the job that lists them.
        problem: why nothing is counted of a list that is there; empty where something is.
    """

    name: str
    rows: int | None
    images: int | None
    sources: str
    record: Record
    problem: str = ""


def archive_files(graph: Graph) -> list[ArchiveFile]:
    """The raw files that the preset reads, with the identity under which they were read."""
    if graph.spec.folder.own is not None:
        raw = record(graph, f"data/{OWN}").recorded_settings.get("raw")
        place = shown_path(graph, graph.spec.archive_folder)
        return [ArchiveFile(OWN, f"images, masks and lists in {place}", str(raw or ""), None, "")]
    made = {Path(one.name).name: one for one in record(graph, "archives").files} if "archives" in graph.jobs else {}
    found = []
    for publisher, archives in graph.spec.folder.archives.items():
        read = _identities(graph, f"data/{publisher}")
        for archive in archives:
            file = made.get(archive.file)
            identity = f"sha256:{file.sha256}" if file and file.sha256 else str(read.get(archive.file) or "")
            size = file.size if file else archive.size
            found.append(ArchiveFile(publisher, archive.file, identity, size, archive.md5 or ""))
    return found


def prepared(graph: Graph) -> list[Record]:
    """What was made of each publisher's archives, or of own data."""
    return [record(graph, name) for name in graph.jobs if name.startswith("data/") and "/sets/" not in name]


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
    source = about.job.outputs[0]
    if is_file(source) and is_altered(about.job, source):
        return ImageSet(short, None, None, "", about, f"not the list that {about.job.manifest.name} describes")
    try:
        rows = read_csv(source)
    except UserError:
        return ImageSet(short, None, None, "", about)
    sources = Counter(row.get("source") or "unknown" for row in rows)
    words = ", ".join(f"{count:,} {source}" for source, count in sorted(sources.items()))
    return ImageSet(short, len(rows), len({(row.get("source"), row.get("id")) for row in rows}), words, about)


def _identities(graph: Graph, name: str) -> Mapping[str, Any]:
    """The archives that a publisher's data were prepared from, by file."""
    raw = record(graph, name).recorded_settings.get("raw") if name in graph.jobs else None
    return raw if isinstance(raw, dict) else {}
