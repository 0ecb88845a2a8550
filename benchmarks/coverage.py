"""What the report's intervals and verdicts are worth, on made-up reproductions whose truth is known.

python -m benchmarks.coverage [--trials 4000]
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.worlds import IMAGES, Noise, World
from exfuse.evaluation.confusion import mean_iou
from exfuse.evaluation.results import SegmentationResult, total
from exfuse.reporting.claims import ReportedClaim, judged
from exfuse.reporting.evaluations import MEASURED
from exfuse.reporting.statistics.bootstrap import percentile_interval, resampled_miou
from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.student import t_interval
from exfuse.reporting.statistics.verdict import CONTRADICTED, REPRODUCED, SAME_DIRECTION
from exfuse.spec.load import load
from exfuse.spec.paper import Claim, Measure
from exfuse.spec.statistics import Statistics

SEEDS = (3, 5)
FAMILY = 20
GAINS = (0.5, 1.0, 2.0, 4.0, 8.0)
TRAININGS = 60_000
"""Trainings a side that the truth is taken from."""
BOOTSTRAPPED = 1000
"""Trials of what takes long; and draws of each."""
NOISES = {
    "ordinary": Noise(),
    "seeds vary more": Noise(seed=1.2),
    "images vary more": Noise(image=12.0),
    "seeds vary to one side": Noise(seed=1.2, skewed="both"),
}
UNEQUAL_NOISES = {"only the method's do": Noise(seed=1.2, skewed="method")}
"""Under which equal methods do not have equal noise."""
PRETRAININGS = {
    "half as much as trainings": Noise(pretraining=0.5),
    "as much as trainings": Noise(pretraining=1.0),
    "twice as much": Noise(pretraining=2.0),
}
"""How much backbones vary that are pretrained once for all seeds of a side."""
MORE = Claim(
    text="t", source="s", kind="greater", paper=None, plus=(Measure(run="method"),), minus=(Measure(run="baseline"),)
)
"""A claim of more whose verdict asks for no size, so that chance has the easiest way."""

Array = NDArray[np.float64]


def covers(effects: Iterable[Array], truths: Iterable[float], rule: Statistics) -> float:
    """The share of t intervals that hold the truth.

    Args:
        effects: of each trial, one a seed.
        truths: of each trial.
        rule: its confidence.
    """
    intervals = (t_interval(one.tolist(), rule.confidence.value) for one in effects)
    return float(np.mean([holds(one, truth) for one, truth in zip(intervals, truths, strict=True)]))


def verdicts(
    effects: Array, rule: Statistics, claims: Sequence[Claim], intervals: Sequence[Interval | NoInterval] | None = None
) -> list[str]:
    """Verdicts of a family of claims that are decided together.

    Args:
        effects: (claims, seeds), points.
        rule: that decides.
        claims: the family.
        intervals: of each; none given: Student's t.
    """
    over_seeds = [t_interval(one.tolist(), rule.confidence.value) for one in effects]
    results = [
        ReportedClaim(str(number), claim, MEASURED, dict(enumerate(one.tolist())), interval=interval)
        for number, (claim, one, interval) in enumerate(zip(claims, effects, intervals or over_seeds, strict=True))
    ]
    return [result.verdict.word for result in judged(rule, results)]


def percentile_over_seeds(effects: Array, confidence: float) -> tuple[float, float]:
    """The percentile bootstrap over n seeds that the report does not use, from all nⁿ draws."""
    means = np.array([np.mean(draw) for draw in product(effects, repeat=len(effects))])
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)


def of_images(
    world: World, generator: np.random.Generator, noise: Noise, rule: Statistics, gain: float
) -> tuple[float, Interval | NoInterval]:
    """The effect of one training a side, and its interval over images."""
    draws, scores = [], []
    for tasteful in (True, False):
        (counts,) = world.trainings(generator, noise, gain if tasteful else 0.0, 1, tasteful)
        images = tuple(map(str, range(len(counts))))
        result = SegmentationResult(images, counts, np.zeros_like(counts), False)
        draws.append(resampled_miou(result, BOOTSTRAPPED).values)
        scores.append(100.0 * float(mean_iou(total(counts))))
    return scores[0] - scores[1], percentile_interval(draws[0] - draws[1], rule.confidence.value, len(world.truth))


def holds(interval: Interval | NoInterval, truth: float) -> bool:
    """Whether there is an interval and the truth lies in it."""
    return isinstance(interval, Interval) and interval.low <= truth <= interval.high


def coverage(rule: Statistics, trials: int) -> None:
    """Intervals over seeds against the truth: the effect over all seeds on these images."""
    print("\nCoverage of the t interval; truth: the effect over all seeds on these images")
    print(f"  {'noise':24}  {'truth':>13}  seeds  covered")
    for number, (name, noise) in enumerate((NOISES | UNEQUAL_NOISES).items()):
        generator = np.random.default_rng(number)
        world = World.made(generator, noise)
        truth, error = world.expected(generator, noise, 1.0, TRAININGS)
        for seeds in SEEDS:
            effects = world.effects(generator, noise, 1.0, trials, seeds)
            share = covers(effects, [truth] * trials, rule)
            print(f"  {name:24}  {truth:.2f} ± {error:.3f}  {seeds:5}  {_share(share, trials)}")
            if name == "ordinary":
                ends = [percentile_over_seeds(one, rule.confidence.value) for one in effects[:BOOTSTRAPPED]]
                share = float(np.mean([low <= truth <= high for low, high in ends]))
                print(
                    f"  {'':24}  {'':13}  {seeds:5}  {_share(share, BOOTSTRAPPED)} by a percentile bootstrap over seeds"
                )


def other_images(rule: Statistics, trials: int) -> None:
    """The same intervals where the truth is about all images that there might have been."""
    noise, generator = Noise(), np.random.default_rng(10)
    truth = float(np.mean([_fresh_effects(generator, noise, 1) for _ in range(5 * trials)]))
    print(f"\nCoverage where the truth is about other images too ({truth:.2f}; new images in every trial)")
    for seeds in SEEDS:
        effects = [_fresh_effects(generator, noise, seeds) for _ in range(trials)]
        print(f"  t over {seeds} seeds: {_share(covers(effects, [truth] * trials, rule), trials)}")


def one_seed(rule: Statistics) -> None:
    """The bootstrap over images: what it covers, and how often chance alone gives two equal methods an effect."""
    noise, generator = Noise(), np.random.default_rng(11)
    still = Noise(seed=0.0, of_class=0.0)
    everything = World.made(generator, still, images=20_000)
    truth = float(everything.effects(generator, still, 1.0, 1, 1)[0, 0])
    worlds = [World.made(generator, still) for _ in range(BOOTSTRAPPED)]
    ends = [of_images(world, generator, still, rule, 1.0)[1] for world in worlds]
    share = float(np.mean([holds(one, truth) for one in ends]))
    print("\nOne seed: bootstrap over images")
    print(f"  covers the effect of these weights on all images:  {_share(share, BOOTSTRAPPED)}")
    world = World.made(generator, noise)
    truth, _ = world.expected(generator, noise, 1.0, TRAININGS)
    ends = [of_images(world, generator, noise, rule, 1.0)[1] for _ in range(BOOTSTRAPPED)]
    share = float(np.mean([holds(one, truth) for one in ends]))
    print(f"  covers the effect over all seeds on these images:  {_share(share, BOOTSTRAPPED)}")
    loud = Noise(seed=1.2, image=0.0, taste=0.0)
    for name, chosen in (("ordinary", noise), ("seeds vary more, images agree", loud)):
        world = _without_taste(World.made(generator, chosen))
        found = [of_images(world, generator, chosen, rule, 0.0) for _ in range(BOOTSTRAPPED)]
        words = Counter(verdicts(np.array([[effect]]), rule, [MORE], [interval])[0] for effect, interval in found)
        print(f"  equal methods, {name}: {_shares(words, (SAME_DIRECTION, REPRODUCED, CONTRADICTED))}")


def equal_methods(rule: Statistics, trials: int) -> None:
    """How often chance decides: claims of more about equal methods, alone, in families, and among real effects."""
    print("\nEqual methods (the effect over all seeds is 0, unless said otherwise)")
    for name, noise in (NOISES | UNEQUAL_NOISES).items():
        generator = np.random.default_rng(20)
        world = _without_taste(World.made(generator, noise))
        if name in UNEQUAL_NOISES:  # equal on average before the sigmoid; it bends, so a trace of an effect is left
            truth, error = world.expected(generator, noise, 0.0, TRAININGS)
            print(f"  {name}: the effect over all seeds is {truth:.3f} ± {error:.3f}")
        for seeds in SEEDS:
            _by_chance(name, partial(world.effects, generator, noise, 0.0, seeds=seeds), trials, rule)
    _among_real(rule, trials // 4)
    _on_the_margin(rule, trials)


def pretrained_once(rule: Statistics, trials: int) -> None:
    """What the condition "given one pretraining of each backbone" leaves out: truths are over all pretrainings."""
    print("\nEqual methods, backbones pretrained once (the effect over all pretrainings and seeds is 0)")
    for name, noise in PRETRAININGS.items():
        generator = np.random.default_rng(40)
        world = _without_taste(World.made(generator, noise))
        truth, error = world.expected(generator, noise, 1.0, TRAININGS)
        for seeds in SEEDS:
            _by_chance(name, partial(world.effects, generator, noise, 0.0, seeds=seeds), trials, rule)
            effects = world.effects(generator, noise, 1.0, trials, seeds)
            within = effects.var(axis=1, ddof=1).mean()
            between = effects.mean(axis=1).var(ddof=1) - within / seeds
            share = covers(effects, [truth] * trials, rule)
            print(f"  {'':26}  covers a better method's {truth:.2f} ± {error:.3f}: {_share(share, trials)}")
            print(f"  {'':26}  deviations: {between**0.5:.2f} of pretrainings, {within**0.5:.2f} of trainings")


def power(rule: Statistics, trials: int) -> None:
    """How often real effects are found."""
    noise, generator = Noise(), np.random.default_rng(30)
    world = _without_taste(World.made(generator, noise))
    spread = float(world.effects(generator, noise, 1.0, 4000, 1).std(ddof=1))
    print(f"\nPower: effects called {REPRODUCED}; one seed's effect has a standard deviation of {spread:.2f} points")
    for gain in GAINS:
        truth, _ = world.expected(generator, noise, gain, TRAININGS // 4)
        for seeds in SEEDS:
            effects = world.effects(generator, noise, gain, trials, seeds)
            alone = np.mean([verdicts(one[None], rule, [MORE])[0] == REPRODUCED for one in effects])
            families = effects[: trials // FAMILY * FAMILY].reshape(-1, FAMILY, seeds)
            among = np.mean([words.count(REPRODUCED) / FAMILY for words in _families(families, rule)])
            shares = f"alone {100 * alone:5.1f}%, one of {FAMILY} such claims {100 * among:5.1f}%"
            print(f"  {truth:5.2f} points, {seeds} seeds: {shares}")


def _among_real(rule: Statistics, families: int) -> None:
    """Half of a family has an effect, half has none: any wrong decision."""
    noise, generator = Noise(), np.random.default_rng(21)
    world = _without_taste(World.made(generator, noise))
    for seeds in SEEDS:
        none, real = (
            world.effects(generator, noise, gain, families * FAMILY // 2, seeds).reshape(families, -1, seeds)
            for gain in (0.0, 4.0)
        )
        half = FAMILY // 2

        def wrong(words: list[str], half: int = half) -> bool:
            return CONTRADICTED in words or REPRODUCED in words[:half]

        share = _any(np.concatenate([none, real], axis=1), rule, wrong)
        print(f"  {half} equal and {half} better methods, {seeds} seeds: any wrong decision {_share(share, families)}")


def _on_the_margin(rule: Statistics, trials: int) -> None:
    """The true effect is the margin itself, so that "no difference" is right by a hair and hardly to be shown."""
    noise, generator = Noise(seed=0.1, of_class=0.1, image=1.0), np.random.default_rng(22)
    world = World.made(generator, noise)
    truth, _ = world.expected(generator, noise, 0.5, TRAININGS)
    same = MORE.model_copy(update={"kind": "no-difference", "margin": abs(truth), "why_margin": "w"})
    for seeds in SEEDS:
        effects = world.effects(generator, noise, 0.5, trials, seeds)
        share = float(np.mean([verdicts(one[None], rule, [same])[0] == REPRODUCED for one in effects]))
        print(f"  no difference, the truth on the margin, {seeds} seeds: {REPRODUCED} {_share(share, trials)}")


def _fresh_effects(generator: np.random.Generator, noise: Noise, seeds: int) -> Array:
    return np.asarray(World.made(generator, noise).effects(generator, noise, 1.0, 1, seeds)[0])


def _without_taste(world: World) -> World:
    return World(world.truth, world.difficulty, world.easier, world.confused, np.zeros_like(world.taste))


def _families(effects: Array, rule: Statistics) -> list[list[str]]:
    return [verdicts(one, rule, [MORE] * len(one)) for one in effects]


def _any(effects: Array, rule: Statistics, happens: Callable[[list[str]], bool]) -> float:
    return float(np.mean([happens(words) for words in _families(effects, rule)]))


def _by_chance(name: str, draw: Callable[[int], Array], trials: int, rule: Statistics) -> None:
    """How often a claim of more about nothing is decided, alone and in families; ``draw`` makes so many effects."""
    effects, families = draw(trials), trials // 4
    words = Counter(verdicts(one[None], rule, [MORE])[0] for one in effects)
    seeds = effects.shape[1]
    print(f"  {name:26}  {seeds} seeds, alone: {_shares(words, (REPRODUCED, CONTRADICTED))}")
    together = draw(families * FAMILY).reshape(families, FAMILY, seeds)
    share = _any(together, rule, lambda words: REPRODUCED in words)
    print(f"  {'':26}  {seeds} seeds, {FAMILY} claims: any {REPRODUCED} {_share(share, families)}")


def _shares(words: Counter[str], told: Sequence[str]) -> str:
    return ", ".join(f"{word} {_share(words[word] / words.total(), words.total())}" for word in told)


def _share(share: float, trials: int) -> str:
    """A share with its standard error."""
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / trials) ** 0.5:.1f}%"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4000, help="reproductions of each kind")
    trials = parser.parse_args().trials
    rule = load(Path()).statistics
    print(f"{trials} trials; {IMAGES} images; ± is one standard error")
    coverage(rule, trials)
    other_images(rule, trials)
    one_seed(rule)
    equal_methods(rule, trials)
    pretrained_once(rule, trials)
    power(rule, trials)


if __name__ == "__main__":
    main()
