"""Made-up reproductions whose truth is known: images, two methods, trainings that differ from seed to seed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exfuse.evaluation.confusion import mean_iou

CLASSES = 6
IMAGES = 100
LEVEL = 1.6
"""Logit of a pixel's chance to be right in the middle of all; about 65% mIoU."""
POINTS = 0.052
"""Logit that shifts mIoU by about one point there."""
TRAININGS_AT_ONCE = 400

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """What varies, as standard deviations: each shifts the chance of pixels by so many times :data:`POINTS`.

    Attributes:
        seed: of a training as a whole.
        of_class: of a training in each class.
        image: of a training on each image.
        taste: of the method on each image, whatever the seed.
        skewed: whose trainings vary to one side more than to the other, as where some go wrong; empty: nobody's.
        pretraining: of a backbone, which all trainings of a side start from: so many times as far as a training varies
            as a whole, in each class and on each image.
    """

    seed: float = 0.4
    of_class: float = 0.6
    image: float = 4.0
    taste: float = 6.0
    skewed: Literal["", "both", "method"] = ""
    pretraining: float = 0.0


@dataclass(frozen=True, eq=False)
class World:
    """Validation images.

    Attributes:
        truth: pixels of each class, (N, C); most are zero.
        difficulty: logit of each image, (N, 1).
        easier: logit of each class, (C,).
        confused: shares of a class's missed pixels that are taken for another, (N, C, C), zero on the diagonal.
        taste: logit that an image adds for the method and takes from the baseline, (N, 1).
    """

    truth: Array
    difficulty: Array
    easier: Array
    confused: Array
    taste: Array

    @classmethod
    def made(cls, generator: np.random.Generator, noise: Noise, images: int = IMAGES) -> "World":
        """A world of ``images`` images, each with the background and one to three other classes."""
        counts = generator.integers(1, 4, size=(images, 1))
        there = np.full((images, CLASSES), 4.0)
        there[:, 1:] = generator.random((images, CLASSES - 1)).argsort(axis=1).argsort(axis=1) < counts
        pixels = there * generator.lognormal(0.0, 0.8, size=there.shape)
        confused = generator.gamma(0.5, size=(images, CLASSES, CLASSES)) * (1 - np.eye(CLASSES))
        return cls(
            truth=np.rint(4000 * pixels / pixels.sum(axis=1, keepdims=True)),
            difficulty=generator.normal(0.0, 0.9, size=(images, 1)),
            easier=np.linspace(0.8, -0.4, CLASSES),
            confused=confused / confused.sum(axis=2, keepdims=True),
            taste=POINTS * noise.taste * generator.normal(size=(images, 1)),
        )

    def trainings(
        self, generator: np.random.Generator, noise: Noise, gain: float, count: int, tasteful: bool, shared: int = 1
    ) -> NDArray[np.int32]:
        """Confusions of trainings of a method on every image, (count, N, C, C).

        Args:
            generator: draws the seeds.
            noise: what seeds change.
            gain: of the method, about points.
            count: number of trainings.
            tasteful: whether it is the method with a taste, or the baseline.
            shared: how many in succession start from one pretraining; it divides ``count``.
        """
        skewed = noise.skewed == "both" or (noise.skewed == "method" and tasteful)
        logit = LEVEL + self.easier + self.difficulty + (self.taste if tasteful else 0.0)
        logit = logit + POINTS * gain + self._varied(generator, noise, count, skewed)
        if noise.pretraining:
            pretrained = self._varied(generator, noise, count // shared, False)
            logit = logit + noise.pretraining * np.repeat(pretrained, shared, axis=0)
        hit = np.rint(self.truth / (1.0 + np.exp(-logit)))
        counts = np.rint((self.truth - hit)[..., None] * self.confused)
        counts[..., range(CLASSES), range(CLASSES)] = hit
        return counts.astype(np.int32)

    def scores(
        self, generator: np.random.Generator, noise: Noise, gain: float, count: int, tasteful: bool, shared: int
    ) -> Array:
        """mIoU of trainings in percent, (count,); ``shared`` in succession start from one pretraining."""
        found = []
        at_once = TRAININGS_AT_ONCE // shared * shared
        for start in range(0, count, at_once):
            now = min(at_once, count - start)
            counts = self.trainings(generator, noise, gain, now, tasteful, shared)
            found.append(100.0 * mean_iou(counts.sum(axis=1, dtype=np.int64)))
        return np.concatenate(found)

    def effects(
        self, generator: np.random.Generator, noise: Noise, gain: float, trials: int, seeds: int, tasteful: bool = True
    ) -> Array:
        """Effects of reproductions, points, (trials, seeds): a training of the method minus one of the baseline.

        In each reproduction either side is pretrained once.
        """
        plus = self.scores(generator, noise, gain, trials * seeds, tasteful, seeds)
        minus = self.scores(generator, noise, 0.0, trials * seeds, False, seeds)
        return (plus - minus).reshape(trials, seeds)

    def expected(
        self, generator: np.random.Generator, noise: Noise, gain: float, trainings: int, tasteful: bool = True
    ) -> tuple[float, float]:
        """The effect over all seeds and pretrainings, from very many of both, and the standard error that is left."""
        effects = self.effects(generator, noise, gain, trainings, 1, tasteful)
        return float(effects.mean()), float(effects.std(ddof=1) / trainings**0.5)

    def _varied(self, generator: np.random.Generator, noise: Noise, count: int, skewed: bool) -> Array:
        """Logits by which trainings differ, (count, N, C)."""
        shift = generator.normal(size=(count, 1, 1))
        if skewed:
            shift = 1.0 - generator.exponential(size=shift.shape)
        by_class = noise.of_class * generator.normal(size=(count, 1, CLASSES))
        by_image = noise.image * generator.normal(size=(count, len(self.truth), 1))
        return np.asarray(POINTS * (noise.seed * shift + by_class + by_image))
