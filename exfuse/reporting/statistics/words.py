"""Numbers of a verdict as the page and the CSV file write them."""

from exfuse.reporting.statistics.interval import Interval


def signed(value: float) -> str:
    """Points with their sign, which a small number keeps, and a true minus."""
    return f"{value:+.2f}".replace("-", "−") if value else "0.00"


def of_paper(number: float) -> str:
    """A difference of the paper with its sign and the decimals that it prints."""
    return f"{number:+}".replace("-", "−") if number else str(abs(number))


def among(claims: int) -> str:
    """With how many claims one was decided, a sentence."""
    return f"Decided among {claims} {'claim' if claims == 1 else 'claims'}."


def bracketed(interval: Interval) -> str:
    """Both ends of an interval, points."""
    return f"[{signed(interval.low)}, {signed(interval.high)}]"


def p_words(p_value: float) -> str:
    """A p-value with its sign of comparison: ``= 0.0123``, ``< 0.001``."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3g}"


def percentage(share: float) -> str:
    """A share in percent, without decimals that it does not have."""
    return f"{100.0 * share:.4g}%"
