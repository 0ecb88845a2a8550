"""Linear probes in closed form: what can be read from features with one matrix, and no training to be tuned.

Fitting needs sums over cells only, so images are seen once and forgotten. Two questions are asked:

- *which class*: linear discriminant analysis with equal priors, δ_c(x) = μ_cᵀ S⁻¹ x − ½ μ_cᵀ S⁻¹ μ_c, with the
  within-class covariance S;
- *where a boundary runs*: the best linear predictor of each target t in least squares, t̄ + cov(t, x) Σ⁻¹ (x − x̄),
  with the total covariance Σ.

Channels are first scaled to variance 1, so that a probe does not depend on their units. Then a covariance becomes
(1 − ρ) S + ρ tr(S)/D · I by the oracle approximating shrinkage of Chen et al. 2010 (IEEE Trans. Signal Process.
58(10), Equation 23). That asks for the number of independent samples; the cells of an image are not, so it is the
number of images.

A probe may be *narrowed* to the leading principal directions of the scaled channels, in the cells that it is fitted on.
Features of many and of few channels can so be compared at equal width. Both steps turn with the axes, so that narrowing
to no fewer directions than there are channels changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from exfuse.data.labels import IGNORE_INDEX

CONSTANT = 1e-10
"""A channel whose variance is a smaller share of its mean square is constant, up to rounding."""
LEAST_VARIANCE = 1e-6
"""Least mean variance within classes, of channels with variance 1; perfect features would have none."""


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """Affine functions of features: x ↦ x · weights + bias.

    Attributes:
        weights: float64 (D, T).
        bias: float64 (T,); −∞ for a class that was never seen.
    """

    weights: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """(n, D) to (n, T)."""
        return features @ self.weights + self.bias


class _Moments:
    """Sums over cells of features.

    Args:
        channels: of the features, D.
        device: where the sums are kept.
    """

    def __init__(self, channels: int, device: torch.device | str) -> None:
        self._device = device
        self._products = self._zeros(channels, channels)
        self._images: set[int] = set()

    @property
    def channels(self) -> int:
        return len(self._products)

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.float64, device=self._device)

    def _add(self, image: int, features: Tensor) -> None:
        self._products += features.T @ features
        self._images.add(image)

    def _weights(self, within: Tensor | None, mean: Tensor, seen: Tensor, right: Tensor, width: int | None) -> Tensor:
        """Shrunk covariance⁻¹ · right, (D, T): of a covariance within classes, or of the total one."""
        square = self._products.cpu() / seen
        total = square - torch.outer(mean, mean)
        variance = _variance(square, mean)
        return _solve(total if within is None else within, total, variance, len(self._images), right, width)

    def _placed(self, weights: Tensor, bias: Tensor) -> Readout:
        return Readout(weights.to(self._device), bias.to(self._device))


class ClassMoments(_Moments):
    """Sums from which the discriminants of C classes follow; C with background."""

    def __init__(self, channels: int, num_classes: int, device: torch.device | str = "cpu") -> None:
        super().__init__(channels, device)
        self._sums, self._counts = self._zeros(num_classes, channels), self._zeros(num_classes)

    def add(self, image: int, features: Tensor, classes: NDArray[np.uint8]) -> None:
        """Adds n cells of an image.

        Args:
            image: its number; what counts is how many different ones there are.
            features: (n, D), on the device of the sums.
            classes: (n,), 0 … C − 1, or 255 for void, which teaches nothing.
        """
        labels = torch.from_numpy(classes).to(features.device).long()
        labelled = labels != IGNORE_INDEX
        shown = features[labelled].double()
        members = functional.one_hot(labels[labelled], len(self._counts)).double()
        self._add(image, shown)
        self._sums += members.T @ shown
        self._counts += members.sum(0)

    @property
    def counts(self) -> list[int]:
        """Cells of each class."""
        return [int(count) for count in self._counts.tolist()]

    def readout(self, width: int | None = None) -> Readout:
        """Discriminants of the C classes, of so many principal directions; the highest is the answer."""
        counts, sums = self._counts.cpu(), self._sums.cpu()
        seen = counts.sum().clamp(min=1)
        means = sums / counts.clamp(min=1)[:, None]
        within = self._products.cpu() / seen - means.T @ sums / seen
        weights = self._weights(within, sums.sum(0) / seen, seen, means.T, width)
        bias = -(means.T * weights).sum(0) / 2
        return self._placed(weights, torch.where(counts > 0, bias, -torch.inf))


class BoundaryMoments(_Moments):
    """Sums from which the best predictions of T boundary targets of a cell follow."""

    def __init__(self, channels: int, targets: int, device: torch.device | str = "cpu") -> None:
        super().__init__(channels, device)
        self._sum, self._count = self._zeros(channels), self._zeros(1)
        self._target_products, self._target_sums = self._zeros(channels, targets), self._zeros(targets)

    def add(self, image: int, features: Tensor, targets: NDArray[np.bool_]) -> None:
        """Adds n cells of an image.

        Args:
            image: its number; what counts is how many different ones there are.
            features: float64 (n, D), on the device of the sums.
            targets: (n, T).
        """
        asked = torch.from_numpy(targets).to(features.device).double()
        self._add(image, features)
        self._sum += features.sum(0)
        self._count += len(features)
        self._target_products += features.T @ asked
        self._target_sums += asked.sum(0)

    def readout(self, width: int | None = None) -> Readout:
        """Least-squares predictions of the T targets, of so many principal directions."""
        seen = self._count.cpu().clamp(min=1)
        mean, mean_target = self._sum.cpu() / seen, self._target_sums.cpu() / seen
        with_targets = self._target_products.cpu() / seen - torch.outer(mean, mean_target)
        weights = self._weights(None, mean, seen, with_targets, width)
        return self._placed(weights, mean_target - mean @ weights)


def shrinkage(correlation: Tensor, samples: int) -> float:
    """The oracle approximating shrinkage ρ, in 0–1.

    Args:
        correlation: (D, D), or a covariance.
        samples: independent samples behind it.
    """
    channels = len(correlation)
    trace, of_square = float(correlation.trace()), float(correlation.square().sum())
    above = (1 - 2 / channels) * of_square + trace**2
    below = (samples + 1 - 2 / channels) * (of_square - trace**2 / channels)
    return min(1.0, above / below) if below > 0 else 1.0


def _variance(square: Tensor, mean: Tensor) -> Tensor:
    """Variance of each channel (D,), 0 of constant ones, from mean products (D, D) and means (D,)."""
    variance = square.diagonal() - mean.square()
    return torch.where(variance > CONSTANT * square.diagonal(), variance, 0)


def _solve(
    covariance: Tensor, total: Tensor, variance: Tensor, samples: int, right: Tensor, width: int | None
) -> Tensor:
    """Shrunk covariance⁻¹ · right, (D, T), in the ``width`` leading directions of the total covariance.

    A channel without variance has weight 0.
    """
    varies = variance > 0
    weights = torch.zeros_like(right)
    if not varies.any():
        return weights
    scale = variance[varies].sqrt()[:, None]
    scaled, asked = covariance[varies][:, varies] / (scale @ scale.T), right[varies] / scale
    if width is not None and width < len(scale):
        _, directions = torch.linalg.eigh(total[varies][:, varies] / (scale @ scale.T))
        kept = directions[:, -width:]
        weights[varies] = kept @ _shrunk_solve(kept.T @ scaled @ kept, samples, kept.T @ asked) / scale
    else:
        weights[varies] = _shrunk_solve(scaled, samples, asked) / scale
    return weights


def _shrunk_solve(scaled: Tensor, samples: int, right: Tensor) -> Tensor:
    share = shrinkage(scaled, samples)
    spread = scaled.diagonal().mean().clamp(min=LEAST_VARIANCE)
    shrunk = (1 - share) * scaled + share * spread * torch.eye(len(scaled), dtype=scaled.dtype)
    return torch.cholesky_solve(right, torch.linalg.cholesky(shrunk))
