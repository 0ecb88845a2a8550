"""`exfuse data …`: from archives to what training reads."""

from exfuse.commands.archives import whole_archives
from exfuse.commands.jobs import running
from exfuse.data.progress import Progress
from exfuse.errors import UserError
from exfuse.spec.datasets import Publisher, SetName
from exfuse.spec.graph import SET_SOURCES, Graph


def make_archives(graph: Graph) -> None:
    """Writes the archives of a folder that the project makes itself."""
    from exfuse.data.mini import write_archives

    folder = graph.spec.folder
    if folder.generated is None:
        raise UserError(f"the archives of data folder '{graph.spec.preset.data}' come from their publishers.")
    with running(graph, "archives"), Progress("archives", "pictures") as display:

        def show(name: str, done: int, total: int) -> None:
            display.what = name
            display.show(done, total)

        write_archives(folder.generated, graph.spec.archive_folder, show)


def prepare(graph: Graph, publisher: Publisher, workers: int) -> None:
    """Turns a publisher's archives into images, masks and an index (ImageNet: an index alone).

    What is written does not depend on the number of ``workers``, and what a killed call finished is kept.
    """
    from exfuse.data import preparation

    _require_archives(graph, publisher)
    with running(graph, f"data/{publisher}") as (job, about):
        about["counts"] = preparation.prepare(
            publisher,
            whole_archives(graph, publisher),
            graph.layout.publisher(publisher),
            class_names=graph.spec.classes[1:],
            workers=workers,
            expected=graph.spec.folder.counts.get(publisher, {}),
            identity=job.key,
        )


def _require_archives(graph: Graph, publisher: Publisher) -> None:
    """Where there is no job for want of a publisher's archives, says which to get."""
    if f"data/{publisher}" not in graph.jobs and publisher in graph.spec.folder.archives:
        whole_archives(graph, publisher)


def write_set(graph: Graph, name: SetName) -> None:
    """Writes the table of a set of images."""
    from exfuse.data import sets

    for publisher in SET_SOURCES[name]:
        _require_archives(graph, publisher)
    with running(graph, f"data/sets/{name}") as (_, about):
        folder = graph.spec.folder
        hard = [c for c in graph.spec.hard_classes if c in graph.spec.classes] if name == "trainval" else []
        repeated = tuple(graph.spec.all_classes.index(c) for c in hard)
        about["counts"] = sets.write_set(
            name,
            graph.layout.data,
            graph.layout.set(name),
            repeated,
            own=folder.own is not None,
            expected=folder.sets.get(name),
        )
