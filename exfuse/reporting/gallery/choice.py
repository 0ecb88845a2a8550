"""Which images the gallery shows: a rule over the scores of each image, applied before anyone looked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

EACH = 4
"""Images by each rule: a row of thumbnails at a glance, and twelve images stay below 1.5 MB at VOC's size."""

Rule = Literal["best", "worst", "changed"]
RULES: Mapping[Rule, str] = {
    "best": "Best of ExFuse",
    "worst": "Worst of ExFuse",
    "changed": "Most changed",
}


@dataclass(frozen=True)
class Chosen:
    """An image with the first rule that takes it.

    Attributes:
        id: of the image.
        rule: that took it.
        rank: its place by that rule among all images, from 1.
    """

    id: str
    rule: Rule
    rank: int


def choose(exfuse: Mapping[str, float], gcn: Mapping[str, float], each: int = EACH) -> list[Chosen]:
    """The best and the worst images of ExFuse, and those whose score differs most from GCN's, either way.

    Equal scores go by id. An image is shown once, for the first rule that takes it; its rank counts all images.
    Without a difference an image is not changed.

    Args:
        exfuse: score of each image.
        gcn: likewise; images that one side lacks cannot be changed.
        each: images by each rule.
    """
    changes = {name: round(abs(exfuse[name] - gcn[name]), 9) for name in exfuse if name in gcn}
    orders = {
        "best": _ordered(exfuse, lambda name: -exfuse[name]),
        "worst": _ordered(exfuse, lambda name: exfuse[name]),
        "changed": _ordered((name for name, size in changes.items() if size > 0), lambda name: -changes[name]),
    }
    chosen: dict[str, Chosen] = {}
    for rule in RULES:
        ranked = [Chosen(name, rule, rank) for rank, name in enumerate(orders[rule], start=1)]
        free = [one for one in ranked if one.id not in chosen]
        chosen.update((one.id, one) for one in free[:each])
    return list(chosen.values())


def _ordered(names: Iterable[str], by: Callable[[str], float]) -> list[str]:
    return sorted(names, key=lambda name: (round(by(name), 9), name))
