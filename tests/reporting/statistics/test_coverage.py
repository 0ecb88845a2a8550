"""Intervals and verdicts on simulated reproductions whose truth is known; `benchmarks/coverage.py` has the long run."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import coverage
from benchmarks.coverage import FAMILY, MORE, covers, holds, of_images, percentile_over_seeds, verdicts
from benchmarks.worlds import Noise, World
from exfuse.reporting.statistics.interval import Interval
from exfuse.reporting.statistics.verdict import CONTRADICTED, REPRODUCED, SAME_DIRECTION, Verdict
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
    """Of the same interval: other images with trainings that do not vary, then other trainings on the same images."""
    generator = np.random.default_rng(0)
    still = Noise(seed=0.0, of_class=0.0)
    truth = float(World.made(generator, still, 20_000).effects(generator, still, 1.0, 1, 1)[0, 0])
    ends = [of_images(World.made(generator, still), generator, still, rule, 1.0)[1] for _ in range(150)]
    assert np.mean([holds(one, truth) for one in ends]) > 0.88
    loud = Noise(seed=1.5, of_class=0.0, image=0.0, taste=0.0)
    world = World.made(generator, loud, IMAGES)
    ends = [of_images(world, generator, loud, rule, 0.0)[1] for _ in range(60)]
    assert all(isinstance(one, Interval) for one in ends), "no interval is no coverage, but for another reason"
    covered = np.mean([holds(one, 0.0) for one in ends])
    assert covered < 0.6, "an interval given these weights knows nothing of other seeds; the verdict may not either"


def test_the_effect_of_one_seed_is_that_of_its_counts(rule: Statistics) -> None:
    noise = Noise()
    world = World.made(np.random.default_rng(1), noise, IMAGES)
    effect, interval = of_images(world, np.random.default_rng(2), noise, rule, 1.0)
    assert effect == pytest.approx(world.effects(np.random.default_rng(2), noise, 1.0, 1, 1)[0, 0])
    assert isinstance(interval, Interval) and interval.low < effect < interval.high


@pytest.mark.parametrize("word", [REPRODUCED, CONTRADICTED])
def test_verdicts_of_one_seed_are_counted(
    word: str, rule: Statistics, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the benchmark says of one seed comes from the code that judges: with another it would say otherwise."""
    monkeypatch.setattr(coverage, "TRAININGS", 10)
    monkeypatch.setattr(coverage, "of_images", lambda *_: (1.0, Interval(0.5, 1.5, "m")))
    coverage.one_seed(rule)
    told = capsys.readouterr().out
    assert told.count(f"{SAME_DIRECTION} 100.0 ± 0.0%") == told.count(f"{word} 0.0 ± 0.0%") == 2
    wrong = Verdict(word, "why")
    monkeypatch.setattr(coverage, "judged", lambda _, results: [replace(one, verdict=wrong) for one in results])
    coverage.one_seed(rule)
    assert capsys.readouterr().out.count(f"{word} 100.0 ± 0.0%") == 2


def test_every_noise_goes_through_the_verdicts(
    rule: Statistics, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And where equal methods have unequal noise, the effect that is left is measured and told."""
    monkeypatch.setattr(coverage, "TRAININGS", 4000)
    coverage.equal_methods(rule, 8)
    told = capsys.readouterr().out
    for name in coverage.NOISES | coverage.UNEQUAL_NOISES:
        assert re.findall(rf"^  {name} +(\d) seeds, alone: reproduced", told, flags=re.M) == ["3", "5"]
    for name in coverage.UNEQUAL_NOISES:
        (left, error) = re.findall(rf"^  {name}: the effect over all seeds is (\S+) ± (\S+)$", told, flags=re.M)[0]
        assert abs(float(left)) < 4 * float(error) < 0.15  # points; one seed's effect deviates by two


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("times", [1.0, 2.0])
def test_one_pretraining_decides_by_chance_as_often_as_theory_says(times: float, seeds: int, rule: Statistics) -> None:
    """Of normal noise, seeds see 1 / √(1 + n r²) of the error: t is that many times too large."""
    generator, noise = np.random.default_rng(seeds), Noise(taste=0.0, pretraining=times)
    world = World.made(generator, noise, IMAGES)
    effects = world.effects(generator, noise, 0.0, TRIALS, seeds)
    words = Counter(verdicts(one[None], rule, [MORE])[0] for one in effects)
    too_large = (1 + seeds * times**2) ** 0.5
    share = float(stats.t.sf(stats.t.ppf(0.975, seeds - 1) / too_large, seeds - 1))
    chance = 3.3 * (share * (1 - share) / TRIALS) ** 0.5
    for word in (REPRODUCED, CONTRADICTED):
        assert words[word] / TRIALS == pytest.approx(share, abs=chance + 0.01)
    covered = covers(effects, [0.0] * TRIALS, rule)
    assert covered == pytest.approx(1 - 2 * share, abs=2 * chance + 0.02)


def test_seeds_of_a_side_share_a_pretraining_and_reproductions_do_not() -> None:
    """Trainings that do not vary by themselves: all seeds of a reproduction agree, all reproductions differ."""
    generator = np.random.default_rng(0)
    noise = Noise(image=0.0, taste=0.0, pretraining=1e6, seed=4e-7, of_class=0.0)  # seeds move nothing, pretrainings do
    world = World.made(generator, noise, IMAGES)
    effects = world.effects(generator, noise, 0.0, 200, 3)  # more than are made at once
    assert np.ptp(effects, axis=1).max() == 0
    assert len(np.unique(effects[:, 0])) > 190
