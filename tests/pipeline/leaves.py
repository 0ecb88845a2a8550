"""Leaves of a file of ``params/``, and other values that each could have."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Place = tuple[str | int, ...]

WORDS: Mapping[str, Sequence[Any]] = {
    "backbone": ("resnet50", "resnet101", "resnet50-ss", "resnet101-ss"),
    "backbone_weights": ("random", "imagenet", "public"),
    "batch_norm": ("frozen", "train"),
    "data": ("official", "smoke", "mini"),
    "decoder": ("gcn", "gcn-ecre-dap", "ss", "exfuse"),
    "device": ("auto", "cpu"),
    "extends": ("gcn-resnext101-coco", "exfuse-resnext131", "voc", "paper", "mini"),
    "gcn": ({"semantic_embedding": True},),
    "given": ("exfuse-total",),
    "kind": ("less", "greater", "not-less", "not-more", "no-difference"),
    "name": ("sgd", "adamw", "poly", "step", "one-cycle"),
    "precision": ("bfloat16", "float32"),
    "prediction": ("dap", "wide"),
    "run": ("exfuse", "ss-lr", "exfuse-resnet101-test", "exfuse-resnext131-test"),
    "stages": (["train"], ["trainaug", "train"], ["coco", "trainaug"], ["trainaug"]),
    "subset_of": ("official",),
    "tap": ("tail",),
    "upsampling": ("ecre", "sub-pixel"),
}
"""Values of leaves that take no text but these, by the leaf's own name."""


def leaves(node: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value that stands by itself; a list of plain values is one, a list of groups is as many as these hold."""
    inner: Iterator[tuple[str | int, Any]] | None = None
    if isinstance(node, dict) and node:
        inner = iter(node.items())
    elif isinstance(node, list) and any(isinstance(value, dict) for value in node):
        inner = iter(enumerate(node))
    if inner is None:
        yield at, node
        return
    for key, value in inner:
        yield from leaves(value, (*at, key))


def put(tree: Any, place: Place, value: Any) -> Any:
    """A tree with another value at a place, alone: not where an alias repeats it; all else is the same objects."""
    if not place:
        return value
    changed = tree.copy()
    changed[place[0]] = put(tree[place[0]], place[1:], value)
    return changed


def others(place: Place, value: Any) -> list[Any]:
    """Other values that a leaf might take, some of them valid."""
    keys = [key for key in place if isinstance(key, str) and key != "value"]
    found = list(WORDS.get(keys[-1], ()))
    if isinstance(value, bool):
        found.append(not value)
    elif value is None:
        found += [1, 2, "other"]
    elif isinstance(value, int):
        found += [value + 1, value + 2, value * 2, value - 1, value + 32]
    elif isinstance(value, float):
        found += [value / 2, value * 2, value + 0.1]
    elif isinstance(value, list):
        found += [value[:-1], [1, *value], [*value, "other"], value[::-1]]
        found += [[*value[:-1], value[-1] * 2]] if value and isinstance(value[-1], int | float) else []
    elif isinstance(value, str):
        found += ["0" * 32] if keys[-1] == "md5" else [f"{value} or other", f"{value}…"]  # a quotation may be full
    return [other for other in found if other != value or type(other) is not type(value)]


def dotted(place: Place) -> str:
    """A place in words; numbers count in lists."""
    return ".".join(map(str, place))


def matching(patterns: Sequence[str], places: Sequence[str]) -> list[str]:
    """The places that some patterns name; each has to name one."""
    for pattern in patterns:
        assert any(fnmatchcase(place, pattern) for place in places), f"no leaf is called {pattern}"
    return [place for place in places if any(fnmatchcase(place, pattern) for pattern in patterns)]
