"""`exfuse data …`: from archives to what training reads."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tqdm import tqdm

from exfuse.commands.jobs import running
from exfuse.errors import UserError
from exfuse.files import digest
from exfuse.spec.datasets import Archive, Publisher, SetName
from exfuse.spec.graph import SET_PUBLISHERS, Graph


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

    What is written does not depend on the number of ``workers``.
    """
    _require_archives(graph, publisher)
    with running(graph, f"data/{publisher}") as (_, about):
        archives = _present(graph, publisher)
        target = graph.layout.publisher(publisher)
        about["counts"] = _preparation(graph, publisher, workers)(archives, target)


def _preparation(
    graph: Graph, publisher: Publisher, workers: int
) -> Callable[[Mapping[str, Path], Path], dict[str, int]]:
    if publisher == "voc":
        from exfuse.data.voc import prepare_voc

        return prepare_voc
    if publisher == "voc-test":
        from exfuse.data.voc import prepare_voc_test

        return prepare_voc_test
    if publisher == "sbd":
        from exfuse.data.sbd import prepare_sbd

        return lambda archives, target: prepare_sbd(archives, target, workers=workers)
    if publisher == "coco":
        from exfuse.data.coco import prepare_coco

        classes = graph.spec.classes[1:]
        return lambda archives, target: prepare_coco(archives, target, classes, workers=workers)
    from exfuse.data.imagenet import prepare_imagenet

    return prepare_imagenet


def _present(graph: Graph, publisher: Publisher) -> dict[str, Path]:
    """A publisher's archives by name, each there and, where its checksum is known, intact."""
    found = {}
    for archive in graph.spec.folder.archives[publisher]:
        path = graph.spec.archive_folder / archive.file
        if not path.is_file():
            raise missing_archive(path, archive)
        _verify(path, archive)
        found[archive.file] = path
    return found


def _require_archives(graph: Graph, publisher: Publisher) -> None:
    """Where there is no job for want of a publisher's archives, says which to get."""
    if f"data/{publisher}" not in graph.jobs and publisher in graph.spec.folder.archives:
        _present(graph, publisher)


def missing_archive(path: Path, archive: Archive) -> UserError:
    """What to tell a person whose archive is not there."""
    origin = f" (from {archive.obtain})" if archive.obtain else ""
    return UserError(
        f"{path} is missing. Put the publisher's file{origin} there, or set `data_root` in the preset to the folder "
        "that holds it."
    )


def _verify(path: Path, archive: Archive) -> None:
    if archive.md5 is None:
        return
    found = digest(path, "md5")
    if found != archive.md5:
        raise UserError(f"{path} is damaged or another version: md5 {found}, expected {archive.md5}. Get it again.")


def write_set(graph: Graph, name: SetName) -> None:
    """Writes the table of a set of images."""
    from exfuse.data import sets

    for publisher in SET_PUBLISHERS[name]:
        _require_archives(graph, publisher)
    with running(graph, f"data/sets/{name}") as (job, about):
        repeated = tuple(graph.spec.datasets.classes.index(c) for c in job.settings.get("repeated", ()))
        about["counts"] = sets.write_set(name, graph.layout.data, graph.layout.set(name), repeated)
