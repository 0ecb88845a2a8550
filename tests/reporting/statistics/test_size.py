"""When an effect is said to be larger or smaller than the paper's: case by case, on both sides and at the ends."""

import pytest

from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.size import beside_the_paper
from exfuse.spec.paper import Claim, Measure


def claim(kind: str, paper: float | None, margin: float | None = None) -> Claim:
    sides = {"plus": (Measure(run="a"),), "minus": (Measure(run="b"),)}
    return Claim.model_validate(
        {"text": "t", "source": "s", "kind": kind, "paper": paper, "margin": margin, "why_margin": "w", **sides}
    )


GREATER, LESS = claim("greater", 0.5), claim("less", -0.7)
EQUAL, NOT_MORE = claim("no-difference", 0.24, 0.5), claim("not-more", -0.1, 0.3)
LARGER, SMALLER = "larger than the paper's +0.5", "smaller than the paper's +0.5"


@pytest.mark.parametrize(
    ("declared", "low", "high", "said"),
    [
        (GREATER, 19.0, 21.0, f"{LARGER}: our interval lies above it"),
        (GREATER, 0.51, 0.9, f"{LARGER}: our interval lies above it"),
        (GREATER, 0.5, 0.9, ""),
        (GREATER, 0.504, 0.9, ""),  # prints as the number itself
        (GREATER, 0.1, 0.5, ""),
        (GREATER, 0.1, 0.496, ""),
        (GREATER, 0.1, 0.49, f"{SMALLER}: our interval lies below it"),
        (GREATER, -0.3, 0.2, f"{SMALLER}: our interval lies below it"),
        (GREATER, -0.3, 0.7, ""),
        (GREATER, -0.3, -0.2, ""),  # the verdict says that it is on the other side
        (LESS, -3.0, -0.9, "larger than the paper's −0.7: our interval lies below it"),
        (LESS, -0.6, -0.1, "smaller than the paper's −0.7: our interval lies above it"),
        (LESS, 0.1, 0.2, ""),
        (EQUAL, -0.4, 0.1, "not the paper's +0.24: our interval lies below it"),
        (EQUAL, 0.3, 0.7, "not the paper's +0.24: our interval lies above it"),
        (EQUAL, 0.6, 0.7, ""),
        (claim("no-difference", 0.0, 0.5), 0.1, 0.3, "not the paper's 0.0: our interval lies above it"),
        (NOT_MORE, -9.0, -4.0, "not the paper's −0.1: our interval lies below it"),
        (claim("greater", None), 5.0, 6.0, ""),
    ],
)
def test_where_the_interval_leaves_the_number_out(declared: Claim, low: float, high: float, said: str) -> None:
    assert beside_the_paper(declared, Interval(low, high, "m")) == said


def test_no_interval_says_nothing_of_size() -> None:
    assert beside_the_paper(GREATER, NoInterval("why")) == ""
