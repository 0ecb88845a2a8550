"""Rates of several programs on the same items, measured in alternating rounds, and their ratios round by round."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Rates = dict[str, list[float]]


def alternate(
    programs: Mapping[str, Callable[[], int]], rounds: int, before: Callable[[str], object] | None = None
) -> Rates:
    """Items a second of each program in each round.

    A first round, which is not counted, warms everything up. Every second round runs the programs backwards, so that
    none of them always has the better place.

    Args:
        programs: by name; each returns the number of items that it worked through.
        rounds: number of counted rounds.
        before: called with the name before each program, outside the measured time.
    """
    rates: Rates = {name: [] for name in programs}
    for round_number in range(rounds + 1):
        names = list(programs)[:: 1 if round_number % 2 else -1]
        for name in names:
            if before is not None:
                before(name)
            start = time.perf_counter()
            items = programs[name]()
            if round_number:
                rates[name].append(items / (time.perf_counter() - start))
    return rates


def spread(values: Sequence[float], digits: int = 0) -> str:
    """``min / median / max``."""
    return " / ".join(f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def print_rates(title: str, rates: Rates, baseline: str, unit: str = "images/s") -> None:
    """A line for each program: its rates, and their ratios to the baseline's of the same round."""
    width = max(map(len, rates))
    print(f"\n{title}\n  {'':{width}}  {f'{unit}, min / median / max':>32}  ratio, min / median / max")
    for name, values in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(values, rates[baseline], strict=True)]
        print(f"  {name:{width}}  {spread(values):>32}  {spread(ratios, 2)}")
