"""Linear probes in closed form: what can be read from features with one matrix, and no training to be tuned.

Fitting needs sums over cells only, so images are seen once and forgotten. Two questions share the sums:

- *which class*: linear discriminant analysis with equal priors, δ_c(x) = μ_cᵀ S⁻¹ x − ½ μ_cᵀ S⁻¹ μ_c, with the
  within-class covariance S;
- *where a boundary runs*: the best linear predictor of each target t in least squares, t̄ + cov(t, x) Σ⁻¹ (x − x̄),
  with the total covariance Σ.

Channels are first scaled to variance 1, so that a probe does not depend on their units. Then a covariance becomes
(1 − ρ) S + ρ tr(S)/D · I by the oracle approximating shrinkage of Chen et al. 2010 (IEEE Trans. Signal Process.
58(10), Equation 23). That asks for the number of independent samples; the cells of an image are not, so it is the
number of images.
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


class Moments:
    """Sums over cells from which both readouts follow.

    Args:
        channels: of the features, D.
        num_classes: classes C with background.
        targets: boundary targets of a cell, T.
        device: where the sums are kept.
    """

    def __init__(self, channels: int, num_classes: int, targets: int, device: torch.device | str = "cpu") -> None:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        self._num_classes = num_classes
        self._products = zeros(channels, channels)
        self._void_products = zeros(channels, channels)
        self._class_sums, self._class_counts = zeros(num_classes + 1, channels), zeros(num_classes + 1)
        self._target_products, self._target_sums = zeros(channels, targets), zeros(targets)
        self._images: set[int] = set()

    def add(self, image: int, features: Tensor, classes: NDArray[np.uint8], targets: NDArray[np.bool_]) -> None:
        """Adds n cells of an image.

        Args:
            image: its number; what counts is how many different ones there are.
            features: float64 (n, D), on the device of the sums.
            classes: (n,), 0 … C − 1, or 255 for void: such cells teach boundaries and no class.
            targets: (n, T).
        """
        device = features.device
        asked = torch.from_numpy(targets).to(device).double()
        labels = torch.from_numpy(classes).to(device).long()
        members = functional.one_hot(labels.clamp(max=self._num_classes), self._num_classes + 1).double()
        void = features[labels == IGNORE_INDEX]
        self._products += features.T @ features
        self._void_products += void.T @ void
        self._class_sums += members.T @ features
        self._class_counts += members.sum(0)
        self._target_products += features.T @ asked
        self._target_sums += asked.sum(0)
        self._images.add(image)

    def which_class(self) -> Readout:
        """Discriminants of the C classes; the highest is the answer."""
        counts, sums = self._class_counts[:-1].cpu(), self._class_sums[:-1].cpu()
        seen = counts.sum().clamp(min=1)
        means = sums / counts.clamp(min=1)[:, None]
        square = (self._products - self._void_products).cpu() / seen
        within = square - means.T @ sums / seen
        weights = _solve(within, _variance(square, sums.sum(0) / seen), len(self._images), means.T)
        bias = -(means.T * weights).sum(0) / 2
        return self._placed(weights, torch.where(counts > 0, bias, -torch.inf))

    def where_boundaries_run(self) -> Readout:
        """Least-squares predictions of the T targets."""
        seen = self._class_counts.sum().cpu().clamp(min=1)
        mean, mean_target = self._class_sums.sum(0).cpu() / seen, self._target_sums.cpu() / seen
        square = self._products.cpu() / seen
        with_targets = self._target_products.cpu() / seen - torch.outer(mean, mean_target)
        total = square - torch.outer(mean, mean)
        weights = _solve(total, _variance(square, mean), len(self._images), with_targets)
        return self._placed(weights, mean_target - mean @ weights)

    def _placed(self, weights: Tensor, bias: Tensor) -> Readout:
        device = self._products.device
        return Readout(weights.to(device), bias.to(device))


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


def _solve(covariance: Tensor, variance: Tensor, samples: int, right: Tensor) -> Tensor:
    """Shrunk covariance⁻¹ · right, (D, T); a channel without variance has weight 0."""
    varies = variance > 0
    weights = torch.zeros_like(right)
    if not varies.any():
        return weights
    scale = variance[varies].sqrt()[:, None]
    scaled = covariance[varies][:, varies] / (scale @ scale.T)
    share = shrinkage(scaled, samples)
    spread = scaled.diagonal().mean().clamp(min=LEAST_VARIANCE)
    shrunk = (1 - share) * scaled + share * spread * torch.eye(len(scale), dtype=scaled.dtype)
    weights[varies] = torch.cholesky_solve(right[varies] / scale, torch.linalg.cholesky(shrunk)) / scale
    return weights
