"""The files that jobs made and read: with the digests of their manifests, or marked as gone."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from rocrate.model import Entity, File
from rocrate.rocrate import ROCrate

from exfuse.errors import UserError
from exfuse.files import digest, is_file
from exfuse.reporting.crate.parts import content, file, format_of, local, once
from exfuse.reporting.data import ArchiveFile, archive_files
from exfuse.reporting.lineage import MadeFile, Record
from exfuse.spec.datasets import OWN
from exfuse.spec.graph import Graph
from exfuse.spec.manifest import provenance_file

HASHED_BYTES = 64_000_000
"""Files below this length are held against their recorded digest; of larger ones the length has to do."""


class Contents:
    """What the jobs of a graph left and what they were given, as entities of a crate.

    Args:
        crate: that holds them.
        graph: the preset's jobs.
    """

    def __init__(self, crate: ROCrate, graph: Graph) -> None:
        self._crate = crate
        self._graph = graph
        self._known = {one.file: one for one in archive_files(graph) if one.identity}
        self._archives: dict[str, Entity] = {}
        self._digest = cache(digest)

    @property
    def archives(self) -> list[Entity]:
        """The raw files that the jobs described so far go back to."""
        return list(self._archives.values())

    @property
    def own(self) -> list[Entity]:
        """Data of one's own, which are one."""
        return self.archives_of(name for name, one in self._known.items() if one.publisher == OWN)

    def archives_of(self, names: Iterable[str]) -> list[Entity]:
        """Those of some archives, by file name, that were read."""
        found = [self._known[name] for name in names if name in self._known]
        for one in found:
            if one.file not in self._archives:
                self._archives[one.file] = _archive(self._crate, self._graph, one)
        return [self._archives[one.file] for one in found]

    def made(self, about: Record) -> list[Entity]:
        """What a job made, by its manifest."""
        if about.job.name == "archives":
            return self.archives_of(Path(one.name).name for one in about.files)
        return [self.file(about, one) for one in about.files]

    def read(self, about: Record, other: Record) -> list[Entity]:
        """What a job read of another: all that it made, but of generated archives those of the job's publisher."""
        if other.job.name != "archives":
            return self.made(other)
        groups = self._graph.spec.folder.archives.items()
        publisher = about.job.name.removeprefix("data/")
        return self.archives_of(one.file for name, group in groups if name == publisher for one in group)

    def notes(self, about: Record) -> list[Entity]:
        """A job's manifest and provenance."""
        if not about.job.manifest.is_relative_to(self._graph.layout.base):  # that of archives lies beside them
            return []
        titles = {about.job.manifest: "Manifest", provenance_file(about.job.manifest): "Provenance"}
        return [
            file(
                self._crate,
                self._shown(path),
                {"name": f"{title} of {about.job.name}", **content(digest(path), path.stat().st_size)},
            )
            for path, title in titles.items()
            if is_file(path)
        ]

    def file(self, about: Record, made: MadeFile) -> Entity:
        """A file of a job; one that is gone, as weights may be, is none of the crate, a changed one has no digest."""
        path = about.job.manifest.parent / made.name
        shown, name = self._shown(path), f"{made.name} of {about.job.name}"
        recorded = content(made.sha256, made.size)
        if not is_file(path):
            gone = {"name": name, "description": f"{shown}: {made.problem}", **recorded}
            return once(self._crate, local("gone", shown), "CreativeWork", gone)
        if problem := self._problem(path, made):
            wrong = {"description": problem, "contentSize": str(path.stat().st_size)}
            return file(self._crate, shown, {"name": name, **wrong})
        return file(self._crate, shown, {"name": name, **recorded})

    def _problem(self, path: Path, made: MadeFile) -> str:
        """Why a file that is there is not what its job recorded; empty where it is."""
        if made.problem:
            return f"not what its job recorded: {made.size} bytes then"
        if not made.sha256 or path.stat().st_size >= HASHED_BYTES:
            return ""
        try:
            same = self._digest(path) == made.sha256
        except UserError:
            return "cannot be read"
        return "" if same else "not what its job recorded: as many bytes, but others"

    def intact(self, about: Record, made: MadeFile) -> bool:
        """Whether a file is there, and what its job recorded."""
        path = about.job.manifest.parent / made.name
        return is_file(path) and not self._problem(path, made)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._graph.layout.base).as_posix()


def _archive(crate: ROCrate, graph: Graph, archive: ArchiveFile) -> Entity:
    """A raw file, which lies beside the crate's folder, or at its publisher's."""
    if archive.publisher == OWN:
        about = {"name": "Images, masks and lists of one's own", "identifier": archive.identity}
        return once(crate, local("archive", OWN), "CreativeWork", about)
    declared = (one for group in graph.spec.folder.archives.values() for one in group if one.file == archive.file)
    url = next((url for one in declared for url in one.urls), None)
    told = f"an archive of {archive.publisher}"
    words = {"name": archive.file, "description": told, "identifier": archive.identity}
    if archive.published_md5:
        words["description"] += f"; its publisher states MD5 {archive.published_md5}"
    if archive.size is not None:
        words["contentSize"] = str(archive.size)
    if url is None:
        return once(crate, local("archive", archive.file), "CreativeWork", words)
    found: Entity = crate.add(File(crate, source=url, properties={"encodingFormat": format_of(archive.file), **words}))
    return found
