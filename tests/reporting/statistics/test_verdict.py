"""The rule case by case, at its edges, and what it says of itself."""

import pytest

from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.verdict import (
    CONTRADICTED,
    NOT_DISTINGUISHABLE,
    REPRODUCED,
    SAME_DIRECTION,
    VERDICTS,
    Evidence,
    decide,
    rule_in_words,
)
from exfuse.spec.paper import Claim, Measure
from exfuse.spec.statistics import Assumed, Statistics

RULE = Statistics(
    confidence=Assumed(value=0.95, why="w"), least_share=Assumed(value=0.5, why="w"),
    least_seeds=Assumed(value=3, why="w"), resamples=Assumed(value=1000, why="w"),
)  # fmt: skip


def claim(kind: str, paper: float | None = 1.0, margin: float | None = None) -> Claim:
    sides = {"plus": (Measure(run="a"),), "minus": (Measure(run="b"),)}
    return Claim.model_validate(
        {"text": "t", "source": "s", "kind": kind, "paper": paper, "margin": margin, "why_margin": "w", **sides}
    )


GREATER, LESS = claim("greater"), claim("less", -1.0)
EQUAL, NOT_LESS = claim("no-difference", 0.1, 0.3), claim("not-less", 0.6, 1.0)
NOT_MORE = claim("not-more", -0.1, 0.3)


def evidence(effect: float, half: float, p_holm: float | None, seeds: int = 3) -> Evidence:
    return Evidence(effect, seeds, Interval(effect - half, effect + half, "m"), p_holm)


@pytest.mark.parametrize(
    ("declared", "effect", "half", "p_holm", "expected"),
    [
        (GREATER, 1.0, 0.2, 0.01, REPRODUCED),
        (GREATER, 1.0, 0.2, 0.05, REPRODUCED),
        (GREATER, 1.0, 0.2, 0.0501, SAME_DIRECTION),
        (GREATER, 0.5, 0.2, 0.01, REPRODUCED),
        (GREATER, 0.49, 0.2, 0.01, SAME_DIRECTION),
        (GREATER, 1.0, 1.2, 0.4, NOT_DISTINGUISHABLE),
        (GREATER, -1.0, 0.2, 0.01, CONTRADICTED),
        (GREATER, -1.0, 0.2, 0.06, NOT_DISTINGUISHABLE),
        (GREATER, -0.1, 0.05, 0.01, CONTRADICTED),
        (claim("greater", None), 0.01, 0.005, 0.01, REPRODUCED),
        (LESS, -0.6, 0.2, 0.01, REPRODUCED),
        (LESS, -0.4, 0.2, 0.01, SAME_DIRECTION),
        (LESS, 0.6, 0.2, 0.01, CONTRADICTED),
        (EQUAL, 0.0, 0.1, 0.01, REPRODUCED),
        (EQUAL, -0.2, 0.1, 0.01, REPRODUCED),
        (EQUAL, 0.2, 0.05, 0.07, SAME_DIRECTION),
        (EQUAL, 0.2, 0.2, 0.7, NOT_DISTINGUISHABLE),
        (EQUAL, -0.9, 0.2, 0.01, CONTRADICTED),
        (EQUAL, -0.9, 0.2, 0.07, NOT_DISTINGUISHABLE),
        (NOT_LESS, 9.0, 0.2, 0.01, REPRODUCED),
        (NOT_LESS, -0.5, 0.2, 0.01, REPRODUCED),
        (NOT_LESS, -0.5, 0.2, 0.06, SAME_DIRECTION),
        (NOT_LESS, -1.5, 0.2, 0.01, CONTRADICTED),
        (NOT_MORE, -9.0, 0.2, 0.01, REPRODUCED),
        (NOT_MORE, 0.2, 0.05, 0.01, REPRODUCED),
        (NOT_MORE, 0.2, 0.05, 0.06, SAME_DIRECTION),
        (NOT_MORE, 0.5, 0.1, 0.01, CONTRADICTED),
    ],
)
def test_verdicts(declared: Claim, effect: float, half: float, p_holm: float, expected: str) -> None:
    assert decide(declared, evidence(effect, half, p_holm), RULE).word == expected


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize(("effect", "expected"), [(1.0, SAME_DIRECTION), (-1.0, NOT_DISTINGUISHABLE)])
def test_few_seeds_decide_nothing(seeds: int, effect: float, expected: str) -> None:
    verdict = decide(GREATER, evidence(effect, 0.001, None, seeds), RULE)
    assert verdict.word == expected
    assert ("one training a side decides nothing" if seeds == 1 else "it takes 3") in verdict.why


def test_no_width_is_no_evidence() -> None:
    found = decide(GREATER, Evidence(2.0, 3, NoInterval("all 3 seeds gave the same effect"), 1.0), RULE)
    assert found.word == NOT_DISTINGUISHABLE
    assert found.why == "No interval: all 3 seeds gave the same effect."


def test_an_effect_of_zero_is_on_neither_side_of_a_gain() -> None:
    assert decide(GREATER, evidence(0.0, 0.1, 1.0), RULE).word == NOT_DISTINGUISHABLE


def test_reasons_hold_the_numbers() -> None:
    def why(declared: Claim, *values: float) -> str:
        return decide(declared, evidence(*values), RULE).why

    assert why(GREATER, 0.8, 0.2, 0.0123) == "+0.80 is above 0: corrected p = 0.0123, and 80% of the paper's +1.0."
    assert why(GREATER, -0.8, 0.2, 0.0001) == "−0.80 is below 0: corrected p < 0.001."
    assert why(EQUAL, 0.5, 0.1, 0.02) == "+0.50 is outside ±0.3: corrected p = 0.02."
    assert why(LESS, -0.7, 0.2, 0.02) == "−0.70 is below 0: corrected p = 0.02, and 70% of the paper's −1.0."
    assert why(GREATER, 0.3, 0.2, 0.01) == (
        "All of [+0.10, +0.50] is above 0, but +0.30 is 30% of the paper's, less than 50%."
    )
    assert why(GREATER, 0.8, 0.2, 0.4) == "All of [+0.60, +1.00] is above 0, but corrected p = 0.4."
    assert "p = 0.0501." in why(GREATER, 0.8, 0.2, 0.0501)  # never rounded to the level that it missed
    assert why(LESS, 0.1, 0.2, 1.0) == "[−0.10, +0.30] reaches from above 0 to below 0."


def test_the_rule_says_its_numbers() -> None:
    words = dict(rule_in_words(RULE))
    assert tuple(words) == VERDICTS
    assert "3 seeds" in words[REPRODUCED] and "0.05" in words[REPRODUCED] and "50%" in words[REPRODUCED]
    other = RULE.model_copy(
        update={"confidence": Assumed(value=0.9, why="w"), "least_seeds": Assumed(value=5, why="w")}
    )
    words = dict(rule_in_words(other))
    assert "5 seeds" in words[CONTRADICTED] and "0.1 " in words[CONTRADICTED]
    assert "90% interval" in words[SAME_DIRECTION]


def test_another_level_decides_otherwise() -> None:
    loose = RULE.model_copy(update={"confidence": Assumed(value=0.9, why="w")})
    assert decide(GREATER, evidence(1.0, 0.2, 0.08), loose).word == REPRODUCED
