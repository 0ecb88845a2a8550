"""`exfuse data check`: whether the archives are there, whole, and what they should hold."""

from collections.abc import Mapping, Sequence

from exfuse.commands.archive_state import ArchiveState, Condition, state_of
from exfuse.commands.findings import Findings, say_state
from exfuse.commands.publishers import how_to_get, needed, require_publishers
from exfuse.data import counting, sets
from exfuse.data.counting import Counted
from exfuse.errors import UserError
from exfuse.spec.datasets import OWN, Publisher
from exfuse.spec.graph import Graph
from exfuse.spec.own import OWN_SPLITS
from exfuse.spec.own_files import list_images

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
    require_publishers(graph, asked)
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
    states = _check_archives(graph, publisher, findings, required=required, quick=quick)
    if not required or any(state.absent or state.condition is Condition.CUT_SHORT for state in states):
        return None
    try:
        archives = {state.archive.file: state.path for state in states}
        found = counting.count(publisher, archives, class_names=graph.spec.classes[1:])
    except UserError as problem:
        findings.problem(f"  {problem}", f"{publisher} cannot be read")
        return None
    _compare_counts(graph, publisher, found, findings)
    for text in found.problems:
        findings.problem(f"  {text}", f"{publisher} is damaged")
    return found


def _check_archives(
    graph: Graph, publisher: Publisher, findings: Findings, *, required: bool, quick: bool
) -> list[ArchiveState]:
    """A line an archive, and how to get those that are not right."""
    digests = graph.digests if required and not quick else None
    states = []
    for archive in graph.spec.folder.archives[publisher]:
        states.append(state_of(archive, graph.spec.archive_folder / archive.file, digests))
        say_state(states[-1], findings, required=required, compared=digests is not None)
    wrong = [state for state in states if not state.right]
    for sentence in how_to_get(graph, publisher, wrong) if wrong and required else ():
        findings.say(f"  {sentence}")
    return states


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
    """Sizes of the sets that training reads, and that those which must not hold an image of VOC val do not."""
    ids: dict[sets.Part, frozenset[str]] = {
        (publisher, split): listed for publisher, found in counted.items() for split, listed in found.ids.items()
    }
    declared = {str(name): number for name, number in graph.spec.folder.sets.items()}
    known = [name for name in sets.PARTS if sets.parts_read(name) <= ids.keys()]
    if known:
        findings.say("sets")
    for name in known:
        _check_set(name, ids, declared.get(name), findings)


def _check_set(name: str, ids: Mapping[sets.Part, frozenset[str]], declared: int | None, findings: Findings) -> None:
    members = frozenset().union(*sets.member_ids(name, ids).values())
    line, wrong = f"  {_of(name, len(members), declared)}", []
    if declared not in (None, len(members)):
        wrong.append(f"set {name} has {len(members)} of {declared} images")
    if name in sets.HELD_OUT:
        held_out = ids[sets.VOC_VAL]
        shared = members & held_out
        if shared:
            wrong.append(f"set {name} shares {len(shared)} images with VOC val, such as {min(shared)}")
        line += f", {len(shared)} of them in VOC val, such as {min(shared)}" if shared else ", disjoint from VOC val"
        if name == "trainaug":
            of_sbd = frozenset().union(*(ids[part] for part in sets.SBD))
            line += f" (images of SBD left out that are in it: {len(of_sbd & held_out)})"
    if wrong:
        findings.problem(line, "; ".join(wrong))
    else:
        findings.say(line)


def _check_own(graph: Graph, findings: Findings) -> None:
    assert graph.spec.folder.own is not None
    findings.say("own")
    try:
        images = list_images(graph.spec.folder.own, graph.spec.archive_folder)
    except UserError as problem:
        findings.problem(f"  {problem}", "the images cannot be listed")
        return
    counts = ", ".join(f"{split} {sum(image.split == split for image in images)}" for split in OWN_SPLITS)
    findings.say(f"  {counts} (not declared); `exfuse data prepare {OWN}` opens and checks every one of them")
