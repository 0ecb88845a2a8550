"""The rule by which a claim is reproduced, contradicted, or neither; the report prints it from here."""

from dataclasses import dataclass

from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.region import claimed
from exfuse.reporting.statistics.words import bracketed, of_paper, p_words, percentage, signed
from exfuse.spec.paper import Claim
from exfuse.spec.statistics import Statistics

REPRODUCED = "reproduced"
SAME_DIRECTION = "same direction"
NOT_DISTINGUISHABLE = "not distinguishable"
CONTRADICTED = "contradicted"
NOT_RUN = "not run"
VERDICTS = (REPRODUCED, SAME_DIRECTION, NOT_DISTINGUISHABLE, CONTRADICTED, NOT_RUN)
"""In the order in which they are counted and sorted."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a claim's effect.

    Attributes:
        effect: mean over the seeds, points.
        seeds: how many there are.
        interval: not corrected; or why there is none.
        p_holm: p-value, corrected for the number of claims; none with too few seeds.
    """

    effect: float
    seeds: int
    interval: Interval | NoInterval
    p_holm: float | None


@dataclass(frozen=True)
class Verdict:
    """A verdict and its reason."""

    word: str
    why: str


NO_VERDICT = Verdict("", "")


def decide(claim: Claim, evidence: Evidence, rule: Statistics) -> Verdict:
    """The verdict on a claim that evaluations decide, from its evidence alone."""
    as_claimed = claimed(claim).holds(evidence.effect)
    decided = evidence.p_holm is not None and evidence.p_holm <= rule.level
    if decided and not as_claimed:
        return Verdict(CONTRADICTED, f"{_place(claim, evidence)}: {_p(evidence)}.")
    share = _share(claim, evidence.effect)
    large = share is None or share >= rule.least_share.value
    if decided and large:
        return Verdict(REPRODUCED, f"{_place(claim, evidence)}: {_p(evidence)}{_of_paper(claim, share)}.")
    doubt = _doubt(claim, evidence, rule, share if decided else None)
    if isinstance(evidence.interval, NoInterval):
        return Verdict(NOT_DISTINGUISHABLE, f"No interval: {evidence.interval.reason}.")
    span = bracketed(evidence.interval)
    if claimed(claim).contains(evidence.interval):
        return Verdict(SAME_DIRECTION, f"All of {span} is {_side(claim, True)}, but {doubt}.")
    if claimed(claim).excludes(evidence.interval):
        return Verdict(NOT_DISTINGUISHABLE, f"All of {span} is {_side(claim, False)}, but {doubt}.")
    return Verdict(NOT_DISTINGUISHABLE, f"{span} reaches from {_side(claim, False)} to {_side(claim, True)}.")


def rule_in_words(rule: Statistics) -> list[tuple[str, str]]:
    """Each verdict with what it takes, in the order of :data:`VERDICTS`."""
    seeds, share = rule.least_seeds.value, percentage(rule.least_share.value)
    sure = f"at least {seeds} seeds, and a p-value of at most {rule.level:g} after Holm's correction"
    return [
        (
            REPRODUCED,
            f"{sure}, for an effect on the claimed side; where the claim is of more or less and the paper prints a "
            f"number, the effect is also at least {share} of it",
        ),
        (
            SAME_DIRECTION,
            f"not that, but all of the uncorrected {percentage(rule.confidence.value)} interval is on the claimed side",
        ),
        (
            NOT_DISTINGUISHABLE,
            "none of the others: noise could hide either answer, or what there is points the other way without being "
            "sure, or says nothing",
        ),
        (CONTRADICTED, f"{sure}, for an effect on the other side"),
        (NOT_RUN, "an evaluation that it needs is not there"),
    ]


def _share(claim: Claim, effect: float) -> float | None:
    """The effect over the paper's, where a claim of more or less has a number."""
    if claim.kind not in ("greater", "less") or not claim.paper:
        return None
    return effect / claim.paper


def _place(claim: Claim, evidence: Evidence) -> str:
    """Where the effect lies, the beginning of a sentence."""
    return f"{signed(evidence.effect)} is {_side(claim, claimed(claim).holds(evidence.effect))}"


def _side(claim: Claim, inside: bool) -> str:
    """A side of a claim's region in words."""
    if claim.kind == "no-difference":
        return f"{'within' if inside else 'outside'} ±{claim.margin:g}"
    if claim.kind == "not-less":
        return f"{'above' if inside else 'below'} −{claim.margin:g}"
    if claim.kind == "not-more":
        return f"{'below' if inside else 'above'} {claim.margin:g}"
    return "above 0" if inside == (claim.kind == "greater") else "below 0"


def _p(evidence: Evidence) -> str:
    assert evidence.p_holm is not None
    return f"corrected p {p_words(evidence.p_holm)}"


def _of_paper(claim: Claim, share: float | None) -> str:
    if share is None or claim.paper is None:
        return ""
    return f", and {percentage(round(share, 2))} of the paper's {of_paper(claim.paper)}"


def _doubt(claim: Claim, evidence: Evidence, rule: Statistics, decided_share: float | None) -> str:
    """Why an interval on one side decides nothing."""
    if evidence.seeds == 1:
        return "one training a side decides nothing: others would differ"
    if evidence.seeds < rule.least_seeds.value:
        return f"{evidence.seeds} seeds decide nothing: it takes {rule.least_seeds.value}"
    if decided_share is not None:
        least = percentage(rule.least_share.value)
        return f"{signed(evidence.effect)} is {percentage(round(decided_share, 3))} of the paper's, less than {least}"
    return _p(evidence)
