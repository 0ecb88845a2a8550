"""Claims as a forest plot: the paper's effect, ours with its interval, and the margin, on one scale a metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from exfuse.reporting.claims import ReportedClaim

WIDTH = 200.0
"""Units of a drawing; zero is in its middle."""
END = 96.0
"""Units from zero to where a drawing ends."""
REACH = 1.5
"""A drawing ends at so many times the largest effect, or margin, that the paper's claims on a metric have."""
METRICS = {"miou": "mIoU", "top1_error": "top-1 error"}


@dataclass(frozen=True)
class Mark:
    """A value's place; one that does not fit stands at the end, as an arrow head that points beyond it.

    Attributes:
        at: units from the left edge.
        beyond: −1 left of the drawing, 1 right of it, 0 in it.
    """

    at: float
    beyond: int


@dataclass(frozen=True)
class Band:
    """The effects that a margin allows."""

    start: float
    width: float


@dataclass(frozen=True)
class Forest:
    """A claim's drawing.

    Attributes:
        paper: the paper's effect; none where it prints none.
        effect: ours; none where there is none.
        whisker: the ends of its interval, where there is one.
        band: the margin, of claims that have one.
    """

    paper: Mark | None
    effect: Mark | None
    whisker: tuple[Mark, Mark] | None
    band: Band | None


def with_forests(claims: Sequence[ReportedClaim]) -> list[tuple[ReportedClaim, Forest | None]]:
    """Claims with their drawings; none where there is nothing to draw."""
    ends = _ends(claims)
    return [(claim, _forest(claim, ends[_scale(claim)])) for claim in claims]


def scales(claims: Sequence[ReportedClaim]) -> list[tuple[str, float]]:
    """Each metric in words with where its drawings end, points on both sides of zero."""
    return [(METRICS.get(metric, metric), end) for metric, end in _ends(claims).items()]


def _ends(claims: Sequence[ReportedClaim]) -> dict[str, float]:
    """Where the drawings of a metric end: the paper's claims decide, so that it is the same for every reproduction."""
    ends: dict[str, float] = {}
    for claim in claims:
        declared = (claim.claim.paper, claim.claim.margin)
        largest = REACH * max((abs(value) for value in declared if value is not None), default=0.0)
        ends[_scale(claim)] = max(ends.get(_scale(claim), 0.0), largest)
    return {metric: end or 1.0 for metric, end in ends.items()}


def _scale(claim: ReportedClaim) -> str:
    return claim.metric or "miou"


def _forest(claim: ReportedClaim, end: float) -> Forest | None:
    def mark(points: float | None) -> Mark | None:
        return None if points is None else _mark(points, end)

    paper, effect, span = claim.claim.paper, claim.effect, claim.span
    if paper is None and effect is None:
        return None
    whisker = None if span is None else (_mark(span.low, end), _mark(span.high, end))
    band = None
    if (margin := claim.claim.margin) is not None:
        start = 0.0 if claim.claim.kind == "not-more" else _mark(-margin, end).at
        stop = WIDTH if claim.claim.kind == "not-less" else _mark(margin, end).at
        band = Band(start, stop - start)
    return Forest(mark(paper), mark(effect), whisker, band)


def _mark(points: float, end: float) -> Mark:
    share = points / end
    return Mark(WIDTH / 2 + END * max(-1.0, min(1.0, share)), (share > 1) - (share < -1))
