"""A confidence interval, or why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A confidence interval of an effect, not corrected for the number of claims.

    Attributes:
        low: its lower end, points.
        high: its upper end.
        method: how it was made, in words.
        lacking: draws of a bootstrap in which a class had no pixel; they average the other classes.
    """

    low: float
    high: float
    method: str
    lacking: int = 0


@dataclass(frozen=True)
class NoInterval:
    """Why there is no interval, as a sentence without its full stop."""

    reason: str
