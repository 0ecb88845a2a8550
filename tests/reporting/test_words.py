"""Numbers as the page words them."""

from exfuse.reporting.costs import amount
from exfuse.reporting.report import duration, points, printed, sentence, size


def test_words_of_numbers():
    assert [size(960), size(2500), size(2_500_000), size(15e10), size(None)] == [
        "960 B",
        "2.5 kB",
        "2.5 MB",
        "150.0 GB",
        "–",
    ]
    assert [points(1.234), points(-0.5), points(-0.001), points(None)] == ["+1.23", "−0.50", "0.00", "–"]
    assert [printed(4.0), printed(-0.7), printed(0.0), printed(None)] == ["+4.0", "−0.7", "0.0", "–"]
    assert [sentence(words) for words in ("two parts", "x_l times y", "Figure 4.", "§3.1 says", "why?")] == [
        "Two parts.",
        "x_l times y.",
        "Figure 4.",
        "§3.1 says.",
        "why?",
    ]
    assert [amount(7_969_996_800), amount(52_381_480), amount(8_350)] == ["7.970 G", "52.381 M", "8.350 k"]
    assert [duration(12.34), duration(600), duration(36000), duration(None)] == ["12.3 s", "10.0 min", "10.0 h", "–"]
