"""Intervals and verdicts on simulated reproductions whose truth is known; `benchmarks/coverage.py` has the long run."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.coverage import FAMILY, MORE, covers, holds, of_images, percentile_over_seeds, verdicts
from benchmarks.worlds import Noise, World
from exfuse.reporting.statistics.verdict import CONTRADICTED, REPRODUCED
from exfuse.spec.load import load
from exfuse.spec.statistics import Statistics

TRIALS = 2000
FAMILIES = 200
TRAININGS = 8000
IMAGES = 40
NOISES = [Noise(), Noise(seed=1.2)]


@pytest.fixture(scope="module")
def rule(repo_root: Path) -> Statistics:
    return load(repo_root).statistics


def tolerated(share: float, trials: int) -> float:
    """A share that chance exceeds once in a thousand runs where ``share`` is true."""
    return float(stats.binom.ppf(0.999, trials, share)) / trials


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("noise", NOISES)
def test_the_interval_over_seeds_covers_the_truth(noise: Noise, seeds: int, rule: Statistics) -> None:
    generator = np.random.default_rng(seeds)
    world = World.made(generator, noise, IMAGES)
    truth, error = world.expected(generator, noise, 1.0, TRAININGS)
    effects = world.effects(generator, noise, 1.0, TRIALS, seeds)
    assert error < 0.02 * effects.std()
    missed = 1 - covers(effects, [truth] * TRIALS, rule)
    assert 0.05 - (tolerated(0.05, TRIALS) - 0.05) < missed < tolerated(0.05, TRIALS)


def test_a_percentile_bootstrap_over_three_seeds_would_not(rule: Statistics) -> None:
    """The test above can fail: the interval that one would think of first covers two thirds."""
    generator, noise = np.random.default_rng(0), Noise()
    world = World.made(generator, noise, IMAGES)
    truth, _ = world.expected(generator, noise, 1.0, TRAININGS)
    ends = [percentile_over_seeds(one, 0.95) for one in world.effects(generator, noise, 1.0, 300, 3)]
    assert 0.5 < np.mean([low <= truth <= high for low, high in ends]) < 0.85


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_methods_are_hardly_ever_reproduced(seeds: int, rule: Statistics) -> None:
    generator, noise = np.random.default_rng(seeds), Noise(taste=0.0)
    world = World.made(generator, noise, IMAGES)
    effects = world.effects(generator, noise, 0.0, TRIALS, seeds)
    words = Counter(verdicts(one[None], rule, [MORE])[0] for one in effects)
    decided = (words[REPRODUCED] + words[CONTRADICTED]) / TRIALS
    assert 0.02 < decided < tolerated(0.05, TRIALS)
    assert words[REPRODUCED] / TRIALS < tolerated(0.025, TRIALS)
    families = world.effects(generator, noise, 0.0, FAMILIES * FAMILY, seeds).reshape(FAMILIES, FAMILY, seeds)
    wrong = [any(word == REPRODUCED for word in verdicts(one, rule, [MORE] * FAMILY)) for one in families]
    assert np.mean(wrong) < tolerated(0.05, FAMILIES)
    uncorrected = [any(verdicts(one[None], rule, [MORE])[0] == REPRODUCED for one in family) for family in families]
    assert np.mean(uncorrected) > 0.25  # without Holm's correction: 1 − 0.975²⁰ = 0.40


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_difference_as_large_as_the_margin_is_hardly_ever_none(seeds: int, rule: Statistics) -> None:
    generator, noise = np.random.default_rng(seeds), Noise(seed=0.1, of_class=0.1, image=1.0, taste=0.0)
    world = World.made(generator, noise, IMAGES)
    truth, _ = world.expected(generator, noise, 1.0, TRAININGS)
    same = MORE.model_copy(update={"kind": "no-difference", "margin": truth, "why_margin": "w"})
    effects = world.effects(generator, noise, 1.0, TRIALS, seeds)
    said = [verdicts(one[None], rule, [same])[0] == REPRODUCED for one in effects]
    assert np.mean(said) < tolerated(0.025, TRIALS)
    wide = same.model_copy(update={"margin": 6 * truth})
    assert np.mean([verdicts(one[None], rule, [wide])[0] == REPRODUCED for one in effects[:200]]) > 0.5


def test_one_seed_covers_these_weights_and_not_the_seeds(rule: Statistics) -> None:
    generator = np.random.default_rng(0)
    loud = Noise(seed=1.5, of_class=0.0, image=0.0, taste=0.0)
    world = World.made(generator, loud, IMAGES)
    ends = [of_images(world, generator, loud, rule, 0.0) for _ in range(60)]
    covered = np.mean([holds(one, 0.0) for one in ends])
    assert covered < 0.6, "an interval given these weights knows nothing of other seeds; the verdict may not either"
