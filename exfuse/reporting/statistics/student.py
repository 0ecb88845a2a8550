"""Student's t on effects paired by seed: an interval that holds the variance between seeds, and its p-value.

A percentile bootstrap over three seeds would cover far less than it says (docs/statistics.md has the numbers).
"""

import math
import statistics
from collections.abc import Sequence

from scipy.special import stdtr, stdtrit

from exfuse.reporting.statistics.interval import Interval, NoInterval


def t_interval(effects: Sequence[float], confidence: float) -> Interval | NoInterval:
    """The interval of the mean of effects, one a seed.

    Args:
        effects: n finite effects, points.
        confidence: share of such intervals that hold the expected effect.

    Returns:
        The interval; none of fewer than two effects, nor of equal ones: their spread of zero is no evidence of none.
    """
    if len(effects) < 2:
        return NoInterval("one seed shows nothing of the variance between seeds")
    error = _standard_error(effects)
    if error == 0.0:
        return NoInterval(f"all {len(effects)} seeds gave the same effect, which says nothing of how much seeds vary")
    mean = statistics.fmean(effects)
    half = float(stdtrit(len(effects) - 1, (1.0 + confidence) / 2.0)) * error
    return Interval(mean - half, mean + half, f"Student's t over {len(effects)} seeds")


def t_p_value(effects: Sequence[float], distance: float) -> float:
    """The smallest level at which the interval reaches no further than some distance from its middle.

    With the distance to the nearest end of a claimed region this is the two-sided p-value of a sign, and for a margin
    that of two one-sided tests (Schuirmann), each at half the level.

    Args:
        effects: n ≥ 2 effects, points.
        distance: from their mean, points.
    """
    error = _standard_error(effects)
    if error == 0.0 or distance == 0.0:
        return 1.0
    return min(1.0, 2.0 * float(stdtr(len(effects) - 1, -distance / error)))


def _standard_error(effects: Sequence[float]) -> float:
    return statistics.stdev(effects) / math.sqrt(len(effects))
