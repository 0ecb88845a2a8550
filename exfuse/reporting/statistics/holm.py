"""Holm's step-down correction (1979): it bounds the chance of one wrong decision or more among all claims."""

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """Adjusted p-values: a claim is decided at a level when its adjusted value is at most the level.

    The smallest of m values is multiplied by m, the next by m − 1, …; none is less than one before it, none above 1.
    """
    adjusted: dict[K, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda one: p_values[one])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
