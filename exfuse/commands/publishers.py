"""Which publishers' archives a preset needs, which its data folder has, and how a person gets them."""

from collections.abc import Sequence

from exfuse.commands.archive_state import ArchiveState, Condition
from exfuse.data.by_hand import by_hand
from exfuse.errors import UserError
from exfuse.spec.datasets import PUBLISHERS, Archive, Publisher
from exfuse.spec.graph import Graph


def needed(graph: Graph) -> tuple[Publisher, ...]:
    """The publishers whose prepared data a backbone or run of the preset reads."""
    wanted = {name for job in graph.jobs.values() if not job.name.startswith("data/") for name in job.upstream}
    for job in reversed(list(graph.jobs.values())):  # upstream comes first, so one pass from the end reaches all
        if job.name in wanted:
            wanted.update(job.upstream)
    return tuple(name for name in PUBLISHERS if name in graph.spec.folder.archives and f"data/{name}" in wanted)


def require_publishers(graph: Graph, asked: Sequence[Publisher]) -> None:
    """Refuses publishers of whom the preset's data folder has no archives.

    Raises:
        UserError: it has none of one of them.
    """
    archives = graph.spec.folder.archives
    for publisher in asked:
        if publisher not in archives:
            has = ", ".join(archives) or "none"
            raise UserError(
                f"data folder '{graph.spec.preset.data}' has no archives of '{publisher}'; it has those of: {has}."
            )


def how_to_get(graph: Graph, publisher: Publisher, wrong: Sequence[ArchiveState]) -> list[str]:
    """How a person gets those archives of a publisher that are missing or damaged, a sentence an entry."""
    in_the_way = any(state.condition is not Condition.MISSING for state in wrong)
    first = ["Move or delete what is not the archive."] if in_the_way else []
    return first + _sources(graph, publisher, [state.archive for state in wrong])


def _sources(graph: Graph, publisher: Publisher, archives: Sequence[Archive]) -> list[str]:
    it = "it" if len(archives) == 1 else "them"
    if graph.spec.folder.generated is not None:
        return [f"`exfuse data archives` makes {it}."]
    other = _other_folder(graph, publisher)
    if other is not None:
        return [f"Those of data folder '{other}' are there: say `--data {other}`, or `data: {other}` in the preset."]
    urls = [archive.urls[0] for archive in archives if archive.urls]
    sentences = [f"`exfuse data fetch {publisher}` downloads {it} (from {', '.join(urls)})."] if urls else []
    folder = graph.spec.archive_folder
    sentences += [by_hand(archive, folder / archive.file) for archive in archives if not archive.urls]
    return [*sentences, f"If you have {it} elsewhere, set `data_root` in the preset to that folder."]


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
