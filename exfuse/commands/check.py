"""`exfuse data check`: whether the archives are there, whole, and what they should hold."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from exfuse.commands.fetch import needed
from exfuse.commands.findings import Findings, inspect
from exfuse.data import counting
from exfuse.data.counting import Counted
from exfuse.data.download import by_hand
from exfuse.errors import UserError
from exfuse.spec.datasets import Archive, Publisher, SetName
from exfuse.spec.graph import Graph
from exfuse.spec.own import OWN_SPLITS, list_images

RETAINED = "retained"


def check(graph: Graph, asked: Sequence[Publisher] = (), quick: bool = False) -> None:
    """Prints what is found and compares it with what ``params/datasets.yaml`` declares.

    Args:
        graph: the preset's jobs.
        asked: publishers; none: all of the preset's data folder. One that is named is checked whether or not the
            preset needs it.
        quick: leaves the md5 sums out.

    Raises:
        UserError: something is wrong; the message sums it all up.
    """
    folder, name = graph.spec.folder, graph.spec.preset.data
    for publisher in asked:
        if publisher not in folder.archives:
            has = ", ".join(folder.archives) or "none"
            raise UserError(f"data folder '{name}' has no archives of '{publisher}'; it has those of: {has}.")
    findings = Findings()
    _say_heading(graph, findings)
    counted = {}
    for publisher in asked or folder.archives:
        found = _check_publisher(
            graph, publisher, findings, required=publisher in (asked or needed(graph)), quick=quick
        )
        if found is not None:
            counted[publisher] = found
    _check_sets(graph, counted, findings)
    if folder.own is not None and not asked:
        _check_own(graph, findings)
    findings.close(f"data folder '{name}'")


def _say_heading(graph: Graph, findings: Findings) -> None:
    folder, folders = graph.spec.folder, graph.spec.datasets.folders
    findings.say(f"data folder '{graph.spec.preset.data}' in {graph.spec.archive_folder}: {folder.title}")
    if folder.subset_of is None:
        return
    parts = [
        f"{publisher} {_images(counts)} of {_images(folders[folder.subset_of].counts.get(publisher, {}))}"
        for publisher, counts in folder.counts.items()
    ]
    findings.say(f"subset of {folder.subset_of}: {', '.join(parts)} images")


def _images(counts: Mapping[str, int]) -> int:
    return sum(number for split, number in counts.items() if split != "classes")


def _check_publisher(
    graph: Graph, publisher: Publisher, findings: Findings, *, required: bool, quick: bool
) -> Counted | None:
    """The lines of a publisher; gives what its archives hold where that can be told."""
    aside = "" if required else f" (not needed by preset {graph.spec.preset.name}; name it to have it checked)"
    findings.say(f"{publisher}{aside}")
    archives = graph.spec.folder.archives[publisher]
    digests = graph.digests if required and not quick else None
    usable = [
        inspect(
            archive,
            graph.spec.archive_folder / archive.file,
            findings,
            digests,
            _how_to_get(graph, publisher, archive) if required else None,
        )
        for archive in archives
    ]
    if not required or not all(usable):
        return None
    paths = {archive.file: graph.spec.archive_folder / archive.file for archive in archives}
    try:
        found = _counter(graph, publisher)(paths)
    except UserError as problem:
        findings.problem(f"  {problem}", f"{publisher} cannot be read")
        return None
    _compare_counts(graph, publisher, found, findings)
    for text in found.problems:
        findings.problem(f"  {text}", f"{publisher} is damaged")
    return found


def _how_to_get(graph: Graph, publisher: Publisher, archive: Archive) -> str:
    if graph.spec.folder.generated is not None:
        return "`exfuse data archives` makes it."
    if archive.urls:
        return f"`exfuse data fetch {publisher}` downloads it."
    return by_hand(archive, graph.spec.archive_folder / archive.file)


def _counter(graph: Graph, publisher: Publisher) -> Callable[[Mapping[str, Path]], Counted]:
    if publisher == "coco":
        return lambda paths: counting.count_coco(paths, graph.spec.classes[1:])
    counters: dict[str, Callable[[Mapping[str, Path]], Counted]] = {
        "voc": counting.count_voc,
        "voc-test": counting.count_voc_test,
        "sbd": counting.count_sbd,
        "imagenet": counting.count_imagenet,
    }
    return counters[publisher]


def _compare_counts(graph: Graph, publisher: Publisher, found: Counted, findings: Findings) -> None:
    declared = graph.spec.folder.counts.get(publisher, {})
    shown, wrong = [], []
    for name in dict.fromkeys([*declared, *found.counts]):
        if name == RETAINED:
            continue
        text = _of(name, found.counts.get(name), declared.get(name))
        shown.append(text)
        if name in declared and found.counts.get(name) != declared[name]:
            wrong.append(f"{publisher} {text}")
    aside = "" if declared else f" ({_why_undeclared(graph)})"
    line = f"  {', '.join(shown)}{aside}"
    if wrong:
        findings.problem(line, ", ".join(wrong))
    else:
        findings.say(line)
    if RETAINED in found.counts:
        findings.say(f"  {_retained(graph, found.counts)}")


def _of(name: str, found: int | None, declared: int | None) -> str:
    number = "unknown" if found is None else str(found)
    return f"{name} {number}" if declared is None else f"{name} {number} of {declared}"


def _why_undeclared(graph: Graph) -> str:
    return "not declared" if graph.spec.folder.generated is None else "made by the project"


def _retained(graph: Graph, counts: Mapping[str, int]) -> str:
    """How many of COCO's images show the preset's classes, beside what GCN's printed number implies."""
    listed = counts["train"] + counts["val"]
    text = f"retained {counts[RETAINED]} of {listed} listed images ({counts[RETAINED] / max(listed, 1):.1%})"
    datasets, folder = graph.spec.datasets, graph.spec.folder
    whole = datasets.folders[folder.subset_of] if folder.subset_of is not None else folder
    if datasets.gcn_images is None or "trainaug" not in whole.sets or "coco" not in whole.counts:
        return text
    implied, of = datasets.gcn_images - whole.sets["trainaug"], _images(whole.counts["coco"])
    return (
        f"{text}; GCN's {datasets.gcn_images} images less the {whole.sets['trainaug']} of trainaug imply {implied} of "
        f"{of} ({implied / of:.1%})"
    )


def _check_sets(graph: Graph, counted: Mapping[Publisher, Counted], findings: Findings) -> None:
    """Sizes of the sets that training reads, and that none of them holds an image of VOC val."""
    sets = _sets(counted)
    if not sets:
        return
    findings.say("sets")
    declared = graph.spec.folder.sets
    for name, ids in sets.items():
        line = f"  {_of(name, len(ids), declared.get(name))}"
        if name == "trainaug":
            held_out = len(sets["val"] & _union(counted["sbd"], "train", "val"))
            line += f", disjoint from VOC val (images of SBD left out that are in it: {held_out})"
        if name in declared and len(ids) != declared[name]:
            findings.problem(line, f"set {name} has {len(ids)} of {declared[name]} images")
        else:
            findings.say(line)
    leaked = sets.get("train", frozenset()) & sets.get("val", frozenset())
    if leaked:
        findings.problem(
            f"  VOC train and val share {len(leaked)} images, such as {min(leaked)}; get the archive again",
            f"VOC train and val share {len(leaked)} images",
        )


def _sets(counted: Mapping[Publisher, Counted]) -> dict[SetName, frozenset[str]]:
    """Image ids of the sets whose publishers' lists were read."""
    sets: dict[SetName, frozenset[str]] = {}
    voc, sbd, test = counted.get("voc"), counted.get("sbd"), counted.get("voc-test")
    if voc is not None and {"train", "val"} <= set(voc.ids):
        sets["train"] = voc.ids["train"]
        if sbd is not None and {"train", "val"} <= set(sbd.ids):
            sets["trainaug"] = (_union(sbd, "train", "val") | voc.ids["train"]) - voc.ids["val"]
        sets["trainval"] = _union(voc, "train", "val")
        sets["val"] = voc.ids["val"]
    if test is not None and "test" in test.ids:
        sets["test"] = test.ids["test"]
    return sets


def _union(counted: Counted, *splits: str) -> frozenset[str]:
    return frozenset().union(*(counted.ids[split] for split in splits))


def _check_own(graph: Graph, findings: Findings) -> None:
    assert graph.spec.folder.own is not None
    findings.say("own")
    try:
        images = list_images(graph.spec.folder.own, graph.spec.archive_folder)
    except UserError as problem:
        findings.problem(f"  {problem}", "the images cannot be listed")
        return
    counts = ", ".join(f"{split} {sum(image.split == split for image in images)}" for split in OWN_SPLITS)
    findings.say(f"  {counts} (not declared)")
