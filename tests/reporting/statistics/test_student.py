"""Student's t against SciPy's paired test and its distribution; two one-sided tests worked by hand."""

import numpy as np
import pytest
from scipy import stats

from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.region import Region
from exfuse.reporting.statistics.student import t_interval, t_p_value

PAIRS = np.random.default_rng(5).normal(size=(40, 2, 6)) + np.array([[[0.4], [0.0]]])


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_interval_and_p_value_are_those_of_the_paired_test(seeds: int) -> None:
    for plus, minus in PAIRS[:, :, :seeds]:
        effects = list(plus - minus)
        interval = t_interval(effects, 0.95)
        peer = stats.ttest_rel(plus, minus)
        assert isinstance(interval, Interval)
        assert (interval.low, interval.high) == pytest.approx(tuple(peer.confidence_interval(0.95)))
        assert t_p_value(effects, abs(float(np.mean(effects)))) == pytest.approx(peer.pvalue)


def test_confidence_is_that_of_the_t_distribution() -> None:
    effects = [1.0, 2.0, 4.0]
    interval = t_interval(effects, 0.8)
    assert isinstance(interval, Interval)
    expected = stats.t.interval(0.8, 2, loc=7 / 3, scale=stats.sem(effects))
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))
    assert interval.method == "Student's t over 3 seeds"


def test_three_seeds_by_hand() -> None:
    """Mean 2, deviation 1, so a standard error of 1/√3; t of two degrees of freedom is 4.3027 at 95%."""
    interval = t_interval([1.0, 2.0, 3.0], 0.95)
    assert isinstance(interval, Interval)
    assert (interval.low, interval.high) == pytest.approx((2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4)


def test_equivalence_is_two_one_sided_tests_at_half_the_level() -> None:
    """Schuirmann: the larger of the two one-sided p-values decides; here it is doubled, as for a sign."""
    effects, margin = [0.1, -0.05, 0.02, 0.08], 0.3
    lower = stats.ttest_1samp(effects, -margin, alternative="greater").pvalue
    upper = stats.ttest_1samp(effects, margin, alternative="less").pvalue
    region = Region(-margin, margin, closed=True)
    assert t_p_value(effects, region.distance(float(np.mean(effects)))) == pytest.approx(2 * max(lower, upper))


@pytest.mark.parametrize(
    "region",
    [
        Region(0.0, np.inf, closed=False),
        Region(-np.inf, 0.0, closed=False),
        Region(-0.3, 0.3, closed=True),
        Region(-0.3, np.inf, closed=True),
    ],
)
def test_p_value_agrees_with_the_interval(region: Region) -> None:
    """It is at most the level exactly where the interval lies on one side of the region's ends."""
    decided = 0
    scales = np.linspace(0.05, 0.6, len(PAIRS))[:, None]
    for effects in (PAIRS[:, 0] - PAIRS[:, 1])[:, :4] * scales:
        p_value = t_p_value(list(effects), region.distance(float(np.mean(effects))))
        for level in (0.05, 0.3):
            interval = t_interval(list(effects), 1 - level)
            assert isinstance(interval, Interval)
            one_sided = region.contains(interval) or region.excludes(interval)
            assert (p_value <= level) == one_sided
            decided += one_sided
    assert 5 < decided < 75


def test_one_seed_and_equal_seeds_have_no_interval() -> None:
    for effects in ([1.5], [0.1 + 0.2] * 3):
        assert isinstance(t_interval(effects, 0.95), NoInterval)
    assert t_p_value([0.1 + 0.2] * 3, 0.3) == 1.0


def test_an_effect_on_an_end_decides_nothing() -> None:
    assert t_p_value([-1.0, 0.0, 1.0], 0.0) == 1.0


@pytest.mark.parametrize(
    ("interval", "contains", "excludes"),
    [((0.0, 1.0), False, False), ((-1.0, 0.0), False, True), ((0.1, 1.0), True, False), ((-1.0, 1.0), False, False)],
)
def test_zero_is_no_gain(interval: tuple[float, float], contains: bool, excludes: bool) -> None:
    region = Region(0.0, np.inf, closed=False)
    assert region.contains(Interval(*interval, "")) == contains
    assert region.excludes(Interval(*interval, "")) == excludes


def test_the_margin_itself_is_no_difference() -> None:
    region = Region(-0.5, 0.5, closed=True)
    assert region.contains(Interval(-0.5, 0.5, ""))
    assert not region.excludes(Interval(0.5, 1.0, ""))
    assert region.excludes(Interval(0.51, 1.0, ""))
