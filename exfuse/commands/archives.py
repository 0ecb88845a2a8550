"""A publisher's archives before they are read: there, whole, and with the right checksum where one is known."""

from collections.abc import Collection, Sequence
from pathlib import Path

from exfuse.commands.archive_state import ArchiveState, state_of
from exfuse.commands.publishers import how_to_get
from exfuse.errors import UserError
from exfuse.spec.datasets import OWN, Publisher
from exfuse.spec.graph import Graph
from exfuse.spec.own_files import list_images


def whole_archives(graph: Graph, publisher: Publisher) -> dict[str, Path]:
    """Paths of a publisher's archives by official name.

    Raises:
        UserError: some are missing or damaged: all of them, and what to do.
    """
    folder, archives = graph.spec.archive_folder, graph.spec.folder.archives[publisher]
    states = [state_of(archive, folder / archive.file, graph.digests) for archive in archives]
    wrong = [state for state in states if not state.right]
    if wrong:
        raise UserError(_what_to_do(graph, publisher, wrong))
    return {state.archive.file: state.path for state in states}


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
    messages = []
    for publisher, archives in graph.spec.folder.archives.items():
        if publisher in publishers:
            states = [state_of(archive, graph.spec.archive_folder / archive.file, None) for archive in archives]
            absent = [state for state in states if state.absent]
            messages += [_what_to_do(graph, publisher, absent)] if absent else []
    if messages:
        raise UserError(" ".join(messages))


def _what_to_do(graph: Graph, publisher: Publisher, wrong: Sequence[ArchiveState]) -> str:
    return " ".join([*(f"{state.path} {state.fault}." for state in wrong), *how_to_get(graph, publisher, wrong)])
