"""Jobs that turn archives into what training reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exfuse.errors import UserError
from exfuse.files import read_json
from exfuse.spec.datasets import PUBLISHERS, Publisher, SetName

if TYPE_CHECKING:
    from exfuse.spec.graph.graph import Graph

SET_PUBLISHERS: Mapping[SetName, tuple[Publisher, ...]] = {
    "train": ("voc",),
    "trainaug": ("voc", "sbd"),
    "trainval": ("voc",),
    "coco": ("voc", "sbd", "coco"),
    "val": ("voc",),
    "test": ("voc-test",),
}


def add_jobs(graph: "Graph") -> None:
    """Archives where the project makes them, a job a publisher, a job a set."""
    folder = graph.spec.folder
    place = graph.spec.archive_folder
    if folder.generated is not None:
        files = tuple(place / archive.file for group in folder.archives.values() for archive in group)
        manifest = place.parent / f"{place.name}.manifest.json"
        graph.add("archives", manifest, files, (), {"generated": folder.generated.model_dump(mode="json")})
    for publisher in PUBLISHERS:
        if publisher in folder.archives and (publisher != "voc-test" or _has_test_images(graph)):
            _add_publisher(graph, publisher)
    for name, publishers in SET_PUBLISHERS.items():
        if all(f"data/{publisher}" in graph.jobs for publisher in publishers):
            _add_set(graph, name, publishers)


def _has_test_images(graph: "Graph") -> bool:
    """VOC's test archive needs an account; without it the runs are trained, and nothing is submitted."""
    files = [graph.spec.archive_folder / archive.file for archive in graph.spec.folder.archives["voc-test"]]
    return (
        graph.spec.folder.generated is not None
        or all(file.is_file() for file in files)
        or (graph.layout.publisher("voc-test") / "manifest.json").is_file()
    )


def _add_publisher(graph: "Graph", publisher: Publisher) -> None:
    target = graph.layout.publisher(publisher)
    settings: dict[str, Any] = {"raw": _raw(graph, publisher, target / "manifest.json")}
    if publisher == "coco":
        settings["classes"] = graph.spec.classes[1:]
    index = ("train.npz", "val.npz", "classes.csv") if publisher == "imagenet" else ("index.csv",)
    upstream = ("archives",) if "archives" in graph.jobs else ()
    graph.add(f"data/{publisher}", target / "manifest.json", tuple(target / name for name in index), upstream, settings)


def _raw(graph: "Graph", publisher: Publisher, manifest: Path) -> dict[str, str | None]:
    """Identities of a publisher's archives; those that are gone keep the identity they were prepared under."""
    if graph.spec.folder.generated is not None:
        return {}
    try:
        prepared = read_json(manifest)["settings"]["raw"]
    except (UserError, KeyError, TypeError):
        prepared = {}
    found = {}
    for archive in graph.spec.folder.archives[publisher]:
        file = graph.spec.archive_folder / archive.file
        found[archive.file] = graph.digests.of(file) if file.is_file() else prepared.get(archive.file)
    return found


def _add_set(graph: "Graph", name: SetName, publishers: tuple[Publisher, ...]) -> None:
    settings: dict[str, Any] = {"set": name}
    if name == "trainval":
        settings["repeated"] = [c for c in graph.spec.datasets.hard_classes if c in graph.spec.classes]
    csv = graph.layout.set(name)
    upstream = tuple(f"data/{publisher}" for publisher in publishers)
    graph.add(f"data/sets/{name}", csv.with_suffix(".manifest.json"), (csv,), upstream, settings)
