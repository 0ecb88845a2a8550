"""Holm's correction worked by hand, and its decisions against the step-down procedure as he wrote it."""

import numpy as np
import pytest

from exfuse.reporting.statistics.holm import holm


def test_by_hand() -> None:
    """0.01 · 4, 0.02 · 3, then 0.03 · 2 = 0.06 too, and 0.2 · 1."""
    assert holm({"c": 0.03, "a": 0.01, "d": 0.2, "b": 0.02}) == pytest.approx(
        {"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.2}
    )


def test_nothing_falls_below_one_before_it_nor_rises_above_one() -> None:
    assert holm({"a": 0.02, "b": 0.0201, "c": 0.9}) == pytest.approx({"a": 0.06, "b": 0.06, "c": 0.9})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_one_claim_is_not_corrected() -> None:
    assert holm({"a": 0.04}) == {"a": 0.04}


def test_decides_as_the_step_down_procedure_does() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        p_values = dict(enumerate(generator.uniform(0, 0.2, size=8) ** 2))
        rejected = set()
        for step, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
            if p_values[name] > 0.05 / (8 - step):
                break
            rejected.add(name)
        assert {name for name, p in holm(p_values).items() if p <= 0.05} == rejected
