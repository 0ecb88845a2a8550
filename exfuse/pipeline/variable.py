"""``${preset}``, DVC's variable: one description that becomes each preset's own when its name is put in."""

import re
from collections.abc import Mapping
from itertools import chain, product
from typing import Any

from exfuse.pipeline.entries import Entry

VARIABLE = "${preset}"

Tree = dict[str, Any]


def named(node: Any, preset: str) -> Any:
    """A description with a preset's name in place of the variable."""
    if isinstance(node, dict):
        return {named(key, preset): named(value, preset) for key, value in node.items()}
    if isinstance(node, Entry):
        return Entry(named(node.key, preset), named(node.file, preset))
    if isinstance(node, list):
        return [named(value, preset) for value in node]
    return node.replace(VARIABLE, preset) if isinstance(node, str) else node


def shared(trees: Mapping[str, Tree]) -> Tree | None:
    """One description for several presets; none where they differ by more than their names.

    Args:
        trees: by preset. Lists of texts and of entries are sets, in any order.
    """
    try:
        merged: Tree = _merged(list(trees), list(trees.values()))
    except _DifferentError:
        return None
    return merged


class _DifferentError(Exception):
    """Two presets are not of one structure."""


def _merged(presets: list[str], nodes: list[Any]) -> Any:
    first = nodes[0]
    if isinstance(first, dict):
        keys = [_one(presets, alike) for alike in _side_by_side([list(node) for node in nodes])]
        values = [_merged(presets, alike) for alike in _side_by_side([list(node.values()) for node in nodes])]
        return dict(zip(keys, values, strict=True))
    if isinstance(first, list) and first and isinstance(first[0], dict):
        return [_merged(presets, alike) for alike in _side_by_side(nodes)]
    if isinstance(first, list):
        return _set(presets, [set(node) for node in nodes])
    return _one(presets, nodes)


def _side_by_side(lists: list[list[Any]]) -> list[list[Any]]:
    if len({len(one) for one in lists}) > 1:
        raise _DifferentError
    return [list(alike) for alike in zip(*lists, strict=True)]


def _one(presets: list[str], nodes: list[Any]) -> Any:
    found = _set(presets, [{node} for node in nodes])
    return found[0]


def _set(presets: list[str], sets: list[set[Any]]) -> list[Any]:
    """The fewest elements that become each preset's; with the variable where one does with or without."""
    alike = list(zip(presets, sets, strict=True))
    candidates = [
        text for text in _with_variable(presets[0], sets[0]) if all(named(text, preset) in one for preset, one in alike)
    ]
    missing = [set(one) for one in sets]
    found = []
    for text in candidates:
        if any(named(text, preset) in left for preset, left in zip(presets, missing, strict=True)):
            found.append(text)
            for preset, left in zip(presets, missing, strict=True):
                left.discard(named(text, preset))
    if any(missing):
        raise _DifferentError
    return sorted(found)


def _with_variable(preset: str, elements: set[Any]) -> list[Any]:
    """Elements with the preset's name as a variable, in the first place that it has, before those without."""
    found = dict.fromkeys(form for element in elements for form in _forms(preset, element))

    def rank(form: Any) -> tuple[bool, int, int, str]:
        text = str(form)
        return VARIABLE not in text, text.count(VARIABLE), text.find(VARIABLE), text

    return sorted(found, key=rank)


def _forms(preset: str, element: Any) -> list[Any]:
    if isinstance(element, Entry):
        return [Entry(*parts) for parts in product(_forms(preset, element.key), _forms(preset, element.file))]
    if not isinstance(element, str):
        return [element]
    between = re.split(rf"(?<![\w-]){re.escape(preset)}(?![\w-])", element)
    # each place for itself: a preset may be called like a folder
    return [
        "".join(chain(*zip(between, (*ways, ""), strict=True)))
        for ways in product((VARIABLE, preset), repeat=len(between) - 1)
    ]
