"""`exfuse data …`: from archives to what training reads."""

from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from exfuse.commands.archives import whole_archives
from exfuse.commands.jobs import running
from exfuse.errors import UserError
from exfuse.spec.datasets import Publisher, SetName
from exfuse.spec.graph import SET_SOURCES, Graph


def make_archives(graph: Graph) -> None:
    """Writes the archives of a folder that the project makes itself."""
    from exfuse.data.mini import write_archives

    folder = graph.spec.folder
    if folder.generated is None:
        raise UserError(f"the archives of data folder '{graph.spec.preset.data}' come from their publishers.")
    with running(graph, "archives"), tqdm(desc="archives", unit="picture", mininterval=2.0) as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.set_description(name, refresh=False)
            bar.total = total
            bar.update(done - bar.n)

        write_archives(folder.generated, graph.spec.archive_folder, show)


def prepare(graph: Graph, publisher: Publisher, workers: int) -> None:
    """Turns a publisher's archives into images, masks and an index (ImageNet: an index alone).

    What is written does not depend on the number of ``workers``, and what a killed call finished is kept.
    """
    _require_archives(graph, publisher)
    with running(graph, f"data/{publisher}") as (job, about):
        archives = whole_archives(graph, publisher)
        about["counts"] = _prepare(graph, publisher, archives, workers, job.key)


def _prepare(
    graph: Graph, publisher: Publisher, archives: Mapping[str, Path], workers: int, key: str
) -> dict[str, int]:
    target = graph.layout.publisher(publisher)
    expected = graph.spec.folder.counts.get(publisher, {})
    if publisher == "voc":
        from exfuse.data.voc import prepare_voc

        return prepare_voc(archives, target, expected, key)
    if publisher == "voc-test":
        from exfuse.data.voc import prepare_voc_test

        return prepare_voc_test(archives, target, expected, key)
    if publisher == "sbd":
        from exfuse.data.sbd import prepare_sbd

        return prepare_sbd(archives, target, workers, expected, key)
    if publisher == "coco":
        from exfuse.data.coco import prepare_coco

        return prepare_coco(archives, target, graph.spec.classes[1:], workers, expected, key)
    from exfuse.data.imagenet import prepare_imagenet

    return prepare_imagenet(archives, target, expected)


def _require_archives(graph: Graph, publisher: Publisher) -> None:
    """Where there is no job for want of a publisher's archives, says which to get."""
    if f"data/{publisher}" not in graph.jobs and publisher in graph.spec.folder.archives:
        whole_archives(graph, publisher)


def write_set(graph: Graph, name: SetName) -> None:
    """Writes the table of a set of images."""
    from exfuse.data import sets

    for publisher in SET_SOURCES[name]:
        _require_archives(graph, publisher)
    with running(graph, f"data/sets/{name}") as (job, about):
        folder = graph.spec.folder
        repeated = tuple(graph.spec.all_classes.index(c) for c in job.settings.get("repeated", ()))
        about["counts"] = sets.write_set(
            name,
            graph.layout.data,
            graph.layout.set(name),
            repeated,
            own=folder.own is not None,
            expected=folder.sets.get(name),
        )
