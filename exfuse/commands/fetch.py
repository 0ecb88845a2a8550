"""`exfuse data fetch`: the archives from their publishers."""

import sys
from collections.abc import Sequence
from pathlib import Path

from exfuse.commands.archive_state import ArchiveState, Condition, state_of
from exfuse.commands.publishers import needed, require_publishers
from exfuse.data.by_hand import by_hand
from exfuse.data.download import download
from exfuse.data.download.transfer import Patience
from exfuse.data.progress import Progress
from exfuse.errors import UserError
from exfuse.spec.datasets import Archive, Publisher
from exfuse.spec.graph import Graph


def fetch(graph: Graph, asked: Sequence[Publisher] = (), patience: Patience | None = None) -> None:
    """Downloads what is missing, all archives in turn: one that fails does not hold up the others.

    Args:
        graph: the preset's jobs.
        asked: publishers; none: those that the preset needs and that have addresses.
        patience: how long and how often to try a server.

    Raises:
        UserError: an archive could not be downloaded, or one that was asked for needs an account.
    """
    _require_addresses(graph)
    require_publishers(graph, asked)
    chosen = asked or [name for name in needed(graph) if _has_addresses(graph, name)]
    if not chosen:
        raise UserError(
            f"no archive of data folder '{graph.spec.preset.data}' has an address (`urls` in params/datasets.yaml). "
            f"Put the archives into {graph.spec.archive_folder}, or set `data_root` to the folder that holds them."
        )
    archives = [archive for name in chosen for archive in graph.spec.folder.archives[name]]
    problems = [problem for archive in archives if (problem := _try(graph, archive, patience)) is not None]
    if not asked:
        _say_what_is_not_fetched(graph, chosen)
    if problems:
        heading = f"{len(problems)} of {len(archives)} archives are not there:\n" if len(problems) > 1 else ""
        raise UserError(heading + "\n".join(problems))


def _require_addresses(graph: Graph) -> None:
    """Refuses folders whose archives nobody ships."""
    folder, name = graph.spec.folder, graph.spec.preset.data
    if folder.generated is not None:
        raise UserError(
            f"data folder '{name}' has archives that the project makes itself: `exfuse data archives` writes them. "
            "`exfuse --preset paper data fetch` gets the official ones."
        )
    if folder.own is not None:
        raise UserError(
            f"data folder '{name}' holds data of your own, in {graph.spec.archive_folder}; nobody ships it."
        )


def _has_addresses(graph: Graph, publisher: Publisher) -> bool:
    return all(archive.urls for archive in graph.spec.folder.archives[publisher])


def _try(graph: Graph, archive: Archive, patience: Patience | None) -> str | None:
    """Gets one archive and says so; gives what is wrong when it could not be got."""
    target = graph.spec.archive_folder / archive.file
    try:
        print(f"{target}: {_get(graph, archive, target, patience)}", flush=True)
    except UserError as problem:
        print(f"{target}: not fetched", flush=True)
        return str(problem)
    return None


def _get(graph: Graph, archive: Archive, target: Path, patience: Patience | None) -> str:
    state = state_of(archive, target, graph.digests)
    if state.condition is not Condition.MISSING:
        return f"already there, {_verified(state)}"
    if not archive.urls:
        raise UserError(f"{archive.file} has no address to download it from. {by_hand(archive, target)}")
    with Progress(archive.file, "bytes") as display:
        got = download(archive, target, display, patience)
    if not got.new:
        return f"already there, {_verified(state_of(archive, target, graph.digests))}"
    if got.md5 is not None:
        graph.digests.remember_md5(target, got.md5)
    return f"fetched, {_facts(got.size, got.md5)}"


def _verified(state: ArchiveState) -> str:
    """What is known of what lies in an archive's place already; it is the user's and stays whatever it is.

    Raises:
        UserError: it is not the publisher's file.
    """
    if state.right:
        return _facts(state.size, state.md5)
    raise UserError(
        f"{state.path} {state.fault}. It stays as it is. Move or delete it, then run `exfuse data fetch` again. "
        f"{by_hand(state.archive, state.path)}"
    )


def _facts(size: int, md5: str | None) -> str:
    return f"{size:,} bytes, md5 {'right' if md5 is not None else 'unknown'}"


def _say_what_is_not_fetched(graph: Graph, chosen: Sequence[Publisher]) -> None:
    folder = graph.spec.folder
    for publisher in folder.archives:
        missing = [a for a in folder.archives[publisher] if not (graph.spec.archive_folder / a.file).is_file()]
        if publisher in chosen or not missing:
            continue
        if _has_addresses(graph, publisher):
            print(
                f"{publisher}: preset '{graph.spec.preset.name}' does not need it; `exfuse data fetch {publisher}` "
                "gets it all the same"
            )
            continue
        why = "" if publisher in needed(graph) else f" (preset '{graph.spec.preset.name}' runs without it)"
        print(f"{publisher} is not downloaded by this program{why}:")
        for archive in missing:
            print(f"  {by_hand(archive, graph.spec.archive_folder / archive.file)}")
    sys.stdout.flush()
