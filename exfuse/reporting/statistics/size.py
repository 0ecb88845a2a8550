"""Whether an effect has the size that the paper prints: no verdict asks for an upper end, so it stands beside them."""

from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.region import claimed
from exfuse.reporting.statistics.words import of_paper
from exfuse.spec.paper import Claim


def beside_the_paper(claim: Claim, interval: Interval | NoInterval) -> str:
    """On which side an interval leaves the paper's number out; empty where it holds it, or where there is neither.

    Empty too where all of the interval is against the claim: the reason of the verdict says so.
    """
    if claim.paper is None or isinstance(interval, NoInterval) or claimed(claim).excludes(interval):
        return ""
    above = round(interval.low, 2) > claim.paper  # as printed, so that nobody sees an end on the number itself
    if not above and round(interval.high, 2) >= claim.paper:
        return ""
    size = "not"
    if claim.kind in ("greater", "less"):
        size = "larger than" if above == (claim.kind == "greater") else "smaller than"
    return f"{size} the paper's {of_paper(claim.paper)}: our interval lies {'above' if above else 'below'} it"
