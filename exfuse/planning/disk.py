"""What jobs leave on the disk, estimated from the spec; archives as their publishers' sizes have it."""

from collections.abc import Mapping
from dataclasses import dataclass

from exfuse.planning.demands import Demand, wanted
from exfuse.planning.images import publisher_images, set_images
from exfuse.planning.work import Work
from exfuse.spec.datasets import PUBLISHERS
from exfuse.spec.graph import Graph

STATES = 2
"""States of a training that are kept."""
PHOTOGRAPH_BYTES = 125_000
"""Assumed of a prepared photograph with its mask: VOC's, SBD's and COCO's archives have 115 to 165 kB an image."""
MADE_BYTES = 4_000
"""Assumed of a picture that the project makes itself."""
INDEX_BYTES = 34
"""Of ImageNet's index, an image (docs/performance.md)."""
PREDICTION_BYTES = 6_000
"""Assumed of a predicted palette PNG of 512×512 pixels; smaller ones in proportion."""


@dataclass(frozen=True, slots=True)
class Archives:
    """Raw data that a preset reads.

    Attributes:
        bytes: of those whose size is declared.
        unknown: files whose size is not.
    """

    bytes: int
    unknown: tuple[str, ...]


def archives(graph: Graph) -> Archives:
    """Archives of the publishers whose preparation is wanted."""
    folder, names = graph.spec.folder, wanted(graph)
    publishers = [name for name in PUBLISHERS if f"data/{name}" in names]
    files = [file for name in publishers for file in folder.archives.get(name, ())]
    if folder.generated is not None:
        made = sum(publisher_images(graph, name) or 0 for name in publishers)
        return Archives(made * MADE_BYTES, ())
    return Archives(sum(file.size or 0 for file in files), tuple(file.file for file in files if file.size is None))


def output_bytes(graph: Graph, demand: Demand, works: Mapping[str, Work]) -> int:
    """Outputs of a job; tables, figures and the like are too small to count."""
    if demand.course is not None:
        return works[demand.course.subject.key].state_bytes
    if demand.rule == "prepare":
        return _prepared(graph, demand)
    if demand.rule in ("evaluate", "submit"):
        training, _, split = demand.job.name.rpartition("/")
        side = graph.jobs[training].settings["fine_tuning"]["crop_size"]
        return round((set_images(graph, split) or 0) * PREDICTION_BYTES * (side / 512) ** 2)
    return 0


def state_bytes(demand: Demand, works: Mapping[str, Work]) -> int:
    """What a training keeps to go on from, while it runs."""
    if demand.course is None:
        return 0
    work = works[demand.course.subject.key]
    return STATES * (work.state_bytes + demand.course.momenta * work.gradient_bytes)


def _prepared(graph: Graph, demand: Demand) -> int:
    publisher = demand.job.name.removeprefix("data/")
    if publisher == "imagenet":
        return demand.prepared * INDEX_BYTES
    each = MADE_BYTES if graph.spec.folder.generated is not None else PHOTOGRAPH_BYTES
    return demand.prepared * each
