"""The part of the line in which an effect has to lie for a claim to be true."""

import math
from dataclasses import dataclass

from exfuse.reporting.statistics.interval import Interval
from exfuse.spec.paper import Claim


@dataclass(frozen=True)
class Region:
    """What a claim says of its effect, in points: ``greater`` than 0, ``less`` than 0, or between two ends.

    Attributes:
        low: its lower end; minus infinity where it has none.
        high: its upper end.
        closed: whether finite ends belong to it; those of a claimed sign do not, those of a margin do.
    """

    low: float
    high: float
    closed: bool

    def holds(self, effect: float) -> bool:
        """Whether an effect is as claimed."""
        return self.low <= effect <= self.high if self.closed else self.low < effect < self.high

    def contains(self, interval: Interval) -> bool:
        """Whether all of an interval is as claimed."""
        return self.holds(interval.low) and self.holds(interval.high)

    def excludes(self, interval: Interval) -> bool:
        """Whether nothing of an interval is as claimed."""
        outside = interval.high < self.low or interval.low > self.high
        return outside or (not self.closed and (interval.high == self.low or interval.low == self.high))

    def distance(self, effect: float) -> float:
        """From an effect to the nearest end, on whichever side it lies, points."""
        return min(abs(effect - end) for end in (self.low, self.high) if math.isfinite(end))


def claimed(claim: Claim) -> Region:
    """The region of a claim that evaluations decide."""
    if claim.kind == "greater":
        return Region(0.0, math.inf, closed=False)
    if claim.kind == "less":
        return Region(-math.inf, 0.0, closed=False)
    assert claim.margin is not None, f"a claim '{claim.kind}' has no region"
    low = -math.inf if claim.kind == "not-more" else -claim.margin
    return Region(low, math.inf if claim.kind == "not-less" else claim.margin, closed=True)
