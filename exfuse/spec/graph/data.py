"""Jobs that turn archives into what training reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exfuse.errors import UserError
from exfuse.files import is_file, read_json
from exfuse.spec.datasets import OWN, PUBLISHERS, Publisher, SetName
from exfuse.spec.own import OwnData
from exfuse.spec.own_files import identity

if TYPE_CHECKING:
    from exfuse.spec.graph.graph import Graph

SET_SOURCES: Mapping[SetName, tuple[Publisher, ...]] = {
    "train": ("voc",),
    "trainaug": ("voc", "sbd"),
    "trainval": ("voc",),
    "coco": ("voc", "sbd", "coco"),
    "val": ("voc",),
    "test": ("voc-test",),
}
OWN_SET_SOURCES: Mapping[SetName, tuple[str, ...]] = dict.fromkeys(("train", "trainaug", "trainval", "val"), (OWN,))
"""Own data have one training split, which every stage before `trainval` trains on."""

UNUSABLE = "unusable"
"""Identity of own data that do not fit: under it nothing is ever made, so that old results do not count as fresh."""


def add_jobs(graph: "Graph") -> None:
    """Archives where the project makes them, a job a publisher (or one for own data), a job a set."""
    folder = graph.spec.folder
    place = graph.spec.archive_folder
    if folder.generated is not None:
        files = tuple(place / archive.file for group in folder.archives.values() for archive in group)
        manifest = place.parent / f"{place.name}.manifest.json"
        graph.add("archives", manifest, files, (), {"generated": folder.generated.model_dump(mode="json")})
    for publisher in PUBLISHERS:
        if publisher in folder.archives and (publisher != "voc-test" or _has_test_images(graph)):
            _add_publisher(graph, publisher)
    if folder.own is not None:
        _add_own(graph, folder.own)
    sets: Mapping[SetName, tuple[str, ...]] = SET_SOURCES if folder.own is None else OWN_SET_SOURCES
    for name, sources in sets.items():
        if all(f"data/{source}" in graph.jobs for source in sources):
            _add_set(graph, name, sources)


def _add_own(graph: "Graph", own: OwnData) -> None:
    target = graph.layout.publisher(OWN)
    if graph.spec.archive_folder.is_dir():
        try:
            raw = identity(own, graph.spec.archive_folder, graph.digests)
        except UserError:  # what is wrong is said when the job runs
            raw = UNUSABLE
    else:  # data that are gone were prepared before
        raw = _prepared(target / "manifest.json")
    layout = {"values": own.class_values, "ignore": own.ignore, "white": own.white}
    graph.add(f"data/{OWN}", target / "manifest.json", (target / "index.csv",), (), {"raw": raw, **layout})


def _prepared(manifest: Path) -> Any:
    """The identity of the raw data that were prepared; none where nothing was."""
    try:
        return read_json(manifest)["settings"]["raw"]
    except (UserError, KeyError, TypeError):
        return None


def _has_test_images(graph: "Graph") -> bool:
    """VOC's test archive needs an account; without it the runs are trained, and nothing is submitted."""
    files = [graph.spec.archive_folder / archive.file for archive in graph.spec.folder.archives["voc-test"]]
    return (
        graph.spec.folder.generated is not None
        or all(is_file(file) for file in files)
        or is_file(graph.layout.publisher("voc-test") / "manifest.json")
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
    prepared = _prepared(manifest) or {}
    found = {}
    for archive in graph.spec.folder.archives[publisher]:
        file = graph.spec.archive_folder / archive.file
        found[archive.file] = graph.digests.of(file) if is_file(file) else prepared.get(archive.file)
    return found


def _add_set(graph: "Graph", name: SetName, sources: tuple[str, ...]) -> None:
    settings: dict[str, Any] = {"set": name}
    if name == "trainval":
        settings |= {"hard_classes": list(graph.spec.hard_classes), "classes": list(graph.spec.classes)}
    csv = graph.layout.set(name)
    upstream = tuple(f"data/{source}" for source in sources)
    graph.add(f"data/sets/{name}", csv.with_suffix(".manifest.json"), (csv,), upstream, settings)
