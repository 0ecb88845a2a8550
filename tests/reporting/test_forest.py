"""Where the marks of a forest plot stand, worked by hand."""

import pytest

from exfuse.reporting.claims import ReportedClaim
from exfuse.reporting.evaluations import MEASURED
from exfuse.reporting.forest import Band, Mark, scales, with_forests
from exfuse.reporting.statistics.interval import Interval
from exfuse.spec.paper import Claim, Measure


def reported(kind, paper, effect, half=1.0, margin=None, metric="miou"):
    subject = {"run": "a"} if metric == "miou" else {"backbone": "a"}
    sides = {} if kind == "quoted" else dict.fromkeys(("plus", "minus"), (Measure(metric=metric, **subject),))
    claim = Claim(
        text="t", source="s", kind=kind, paper=paper, margin=margin, why_margin="w" if margin else "", **sides
    )
    if effect is None:
        return ReportedClaim("name", claim, "missing")
    interval = Interval(effect - half, effect + half, "m")
    return ReportedClaim("name", claim, MEASURED, {0: effect, 1: effect}, interval=interval)


def test_one_scale_a_metric_that_the_papers_claims_decide():
    claims = [
        reported("greater", 4.0, 60.0), reported("no-difference", -0.1, 0.2, margin=0.5),
        reported("less", -2.0, -1.0, metric="top1_error"), reported("quoted", 3.0, None),
    ]  # fmt: skip
    assert scales(claims) == [("mIoU", 6.0), ("top-1 error", 3.0)]


def test_places_of_marks():
    """The paper's largest effect is 4, so that the drawing ends at ±6: 16 units a point around 100."""
    first, second = (
        forest for _, forest in with_forests([reported("greater", 4.0, 1.0), reported("less", -1.0, -3.0)])
    )
    assert first.paper == Mark(164.0, 0)
    assert first.effect == Mark(116.0, 0)
    assert first.whisker == (Mark(100.0, 0), Mark(132.0, 0))
    assert first.band is None
    assert (second.paper, second.effect) == (Mark(84.0, 0), Mark(52.0, 0))


def test_what_does_not_fit_points_beyond_the_end():
    ((_, forest),) = with_forests([reported("greater", 4.0, 7.0, half=20.0)])
    assert forest.effect == Mark(196.0, 1)
    assert forest.whisker == (Mark(4.0, -1), Mark(196.0, 1))


@pytest.mark.parametrize(
    ("kind", "band"),
    [("no-difference", Band(84.0, 32.0)), ("not-less", Band(84.0, 116.0)), ("not-more", Band(0.0, 116.0))],
)
def test_margins_are_bands(kind, band):
    _, (_, forest) = with_forests([reported("greater", 4.0, 1.0), reported(kind, None, 0.0, margin=1.0)])
    assert forest.band == band
    assert forest.paper is None


def test_nothing_to_draw():
    (_, forest), (_, quoted) = with_forests([reported("greater", None, None), reported("quoted", 2.3, None)])
    assert forest is None
    assert quoted.paper is not None and quoted.effect is None and quoted.whisker is None
