"""A publisher's archives before they are read: there, whole, and with the right checksum where one is known."""

from collections.abc import Collection, Mapping
from pathlib import Path

from exfuse.commands.progress import md5_shown
from exfuse.errors import UserError
from exfuse.spec.datasets import OWN, Archive, Publisher
from exfuse.spec.graph import Graph
from exfuse.spec.own import list_images


def whole_archives(graph: Graph, publisher: Publisher) -> dict[str, Path]:
    """Paths of a publisher's archives by official name.

    Raises:
        UserError: some are missing or damaged: all of them, and what to do.
    """
    folder = graph.spec.archive_folder
    archives = {folder / archive.file: archive for archive in graph.spec.folder.archives[publisher]}
    missing = {path: archive for path, archive in archives.items() if not path.is_file()}
    damaged = {
        path: damage
        for path, archive in archives.items()
        if path not in missing and (damage := _damage(graph, path, archive)) is not None
    }
    if missing or damaged:
        sentences = [f"{path} {damaged.get(path) or _absence(path)}." for path in archives if path in missing | damaged]
        if damaged:
            sentences.append("Delete what is damaged and get it again.")
        if missing:
            sentences.append(_how_to_get(graph, publisher, missing))
        raise UserError(" ".join(sentences))
    return {archive.file: path for path, archive in archives.items()}


def require_raw_data(graph: Graph, publishers: Collection[str]) -> None:
    """Checks that all raw data of some publishers are there, before anything runs; nothing is read through.

    Args:
        graph: the preset's jobs.
        publishers: their names; ``own`` stands for own data.

    Raises:
        UserError: some are missing: all of them, and where to get them.
    """
    own = graph.spec.folder.own
    if own is not None and OWN in publishers:
        list_images(own, graph.spec.archive_folder)
    sentences = []
    for publisher, archives in graph.spec.folder.archives.items():
        paths = {graph.spec.archive_folder / archive.file: archive for archive in archives}
        missing = {path: archive for path, archive in paths.items() if not path.is_file()}
        if publisher in publishers and missing:
            sentences += [*(f"{path} {_absence(path)}." for path in missing), _how_to_get(graph, publisher, missing)]
    if sentences:
        raise UserError(" ".join(sentences))


def _absence(path: Path) -> str:
    return "is a directory, not the archive" if path.is_dir() else "is missing"


def _damage(graph: Graph, path: Path, archive: Archive) -> str | None:
    """What is wrong with a file; its size is compared before 150 GB are read."""
    size = path.stat().st_size
    if archive.size is not None and size < archive.size:
        return f"is cut short: {size} of {archive.size} bytes"
    if archive.size is not None and size > archive.size:
        return f"is another version: {size} bytes instead of {archive.size}"
    if archive.md5 is not None and (found := md5_shown(graph.digests, path)) != archive.md5:
        return f"is damaged or another version: md5 {found}, expected {archive.md5}"
    return None


def _how_to_get(graph: Graph, publisher: Publisher, missing: Mapping[Path, Archive]) -> str:
    other = _other_folder(graph, publisher)
    if other is not None:
        return f"Those of data folder '{other}' are there: say `--data {other}`, or `data: {other}` in the preset."
    origins = [archive.obtain or next(iter(archive.urls), "") for archive in missing.values()]
    origin = f" (from {', '.join(dict.fromkeys(filter(None, origins)))})" if any(origins) else ""
    one = len(missing) == 1
    advice = (
        f"Put the publisher's {'file' if one else 'files'}{origin} there, or set `data_root` in the preset to the "
        f"folder that holds {'it' if one else 'them'}."
    )
    if any(archive.urls for archive in missing.values()):
        advice += f" `exfuse data fetch {publisher}` downloads {'it' if one else 'them'}."
    return advice


def _other_folder(graph: Graph, publisher: Publisher) -> str | None:
    """Another folder of the same directory whose archives of the publisher, under other names, are all there."""
    spec = graph.spec
    wanted = {archive.file for archive in spec.folder.archives[publisher]}
    for name, folder in spec.datasets.folders.items():
        files = {archive.file for archive in folder.archives.get(publisher, ())}
        same_directory = (folder.directory or name) == (spec.folder.directory or spec.preset.data)
        there = all((spec.archive_folder / file).is_file() for file in files)
        if same_directory and files and not files & wanted and there:
            return name
    return None
