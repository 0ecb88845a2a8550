"""How many images publishers' archives and sets hold, before there are any: as declared, or as prepared."""

from collections.abc import Mapping
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.spec.graph import Graph
from exfuse.spec.graph.inspection import GENERATED_IMAGENET_CLASSES
from exfuse.spec.mini import MiniSettings


def set_images(graph: Graph, name: str) -> int | None:
    """Images of a set: as declared, of what is made, or as its table lists them; none where nothing tells."""
    folder = graph.spec.folder
    try:
        return len(read_csv(graph.layout.set(name)))
    except UserError:  # not prepared yet
        pass
    if folder.generated is not None:
        return _made_sets(folder.generated).get(name)
    declared: Mapping[Any, int] = folder.sets
    return declared.get(name)


def publisher_images(graph: Graph, publisher: str, split: str | None = None) -> int | None:
    """Images of a publisher, all or of one split; none where nothing tells, as with own data."""
    folder = graph.spec.folder
    declared: Mapping[Any, Mapping[str, int]] = folder.counts
    counts = _made(folder.generated) if folder.generated is not None else declared
    if publisher not in counts:
        return None
    if split is not None:
        return counts[publisher].get(split)
    return sum(images for name, images in counts[publisher].items() if name != "classes")


def _made(made: MiniSettings) -> dict[str, dict[str, int]]:
    classes = GENERATED_IMAGENET_CLASSES
    return {
        "voc": {"train": made.voc_train, "val": made.voc_val},
        "voc-test": {"test": made.voc_test},
        "sbd": {"all": made.sbd_own + made.sbd_in_voc_train + made.sbd_in_voc_val},
        "coco": {"train": made.coco_train, "val": made.coco_val},
        "imagenet": {"train": classes * made.imagenet_train, "val": classes * made.imagenet_val},
    }


def _made_sets(made: MiniSettings) -> dict[str, int]:
    trainaug = made.voc_train + made.sbd_own  # SBD's others are VOC's too
    return {"trainaug": trainaug, "val": made.voc_val, "test": made.voc_test}
