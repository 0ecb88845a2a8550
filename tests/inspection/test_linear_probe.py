"""Linear probes against their formulas written out over all samples, hand cases, and a least-squares solver."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from exfuse.inspection.linear_probe import BoundaryMoments, ClassMoments, Readout, shrinkage

VOID = 255


def class_probe(
    features: NDArray[np.float64], classes: NDArray[np.integer], images: int, width: int | None = None
) -> Readout:
    """Discriminants of three classes, of cells that are dealt out to so many images."""
    sums = ClassMoments(features.shape[1], 3)
    for image in range(images):
        own = slice(image, None, images)
        sums.add(image, torch.from_numpy(features[own]), classes[own].astype(np.uint8))
    return sums.readout(width)


def boundary_probe(
    features: NDArray[np.float64], targets: NDArray[np.bool_], images: int, width: int | None = None
) -> Readout:
    """Predictions of the targets, of cells that are dealt out to so many images."""
    sums = BoundaryMoments(features.shape[1], targets.shape[1])
    for image in range(images):
        own = slice(image, None, images)
        sums.add(image, torch.from_numpy(features[own]), targets[own])
    return sums.readout(width)


def both(features: NDArray[np.float64], cells: Any) -> list[Readout]:
    """Probes of other features of the fixture's cells."""
    _, classes, targets = cells
    return [class_probe(features, classes, 30), boundary_probe(features, targets, 30)]


def share(matrix: NDArray[np.float64], samples: int) -> float:
    """Chen et al. 2010, Equation 23."""
    p = len(matrix)
    of_square, squared = np.trace(matrix @ matrix), np.trace(matrix) ** 2
    rho = ((1 - 2 / p) * of_square + squared) / ((samples + 1 - 2 / p) * (of_square - squared / p))
    return float(min(rho, 1))


@pytest.fixture
def cells() -> tuple[NDArray[np.float64], NDArray[np.integer], NDArray[np.bool_]]:
    """Features (600, 5) in very different units around class means, classes 0 … 2 and void, two targets."""
    rng = np.random.default_rng(3)
    classes = rng.choice([0, 1, 2, VOID], 600, p=[0.6, 0.2, 0.1, 0.1])
    means = rng.normal(0, 1, (256, 5))
    features = (means[classes] + rng.normal(0, 1, (600, 5)) @ rng.normal(0, 1, (5, 5))) * [1, 10, 0.01, 3, 100] + 7
    targets = np.stack([features[:, 0] + rng.normal(0, 2, 600) > 8, rng.random(600) < 0.3], axis=1)
    return features, classes, targets


def leading(z: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Principal directions (D, width) of features with mean 0 and variance 1."""
    return np.linalg.svd(z, full_matrices=False)[2][:width].T


@pytest.mark.parametrize("width", [None, 2, 5])
def test_discriminants_are_those_of_the_formula(cells, width: int | None) -> None:
    features, classes, _ = cells
    labelled = classes != VOID
    y = classes[labelled]
    mean, scale = features[labelled].mean(0), features[labelled].std(0)
    axes = leading((features[labelled] - mean) / scale, 2) if width == 2 else np.eye(5)
    z = (features - mean) / scale @ axes
    x = z[labelled]
    m = np.stack([x[y == label].mean(0) for label in range(3)])
    within = (x - m[y]).T @ (x - m[y]) / len(x)
    rho = share(within, 30)
    shrunk = (1 - rho) * within + rho * np.trace(within) / len(within) * np.eye(len(within))
    inverse = np.linalg.inv(shrunk)
    expected = z @ inverse @ m.T - np.einsum("cd,de,ce->c", m, inverse, m) / 2
    found = class_probe(features, classes, 30, width)(torch.from_numpy(features)).numpy()
    assert 0.01 < rho < 0.9
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("width", [None, 2, 5])
def test_predictions_are_those_of_regularised_least_squares(cells, width: int | None) -> None:
    features, _, targets = cells
    z = (features - features.mean(0)) / features.std(0)
    if width == 2:
        z = z @ leading(z, 2)
    channels, spread = z.shape[1], (z**2).mean()
    rho = share(z.T @ z / len(z), 30)
    penalty = np.sqrt(len(z) * spread * rho / (1 - rho)) * np.eye(channels)
    right = np.concatenate([targets - targets.mean(0), np.zeros((channels, 2))])
    weights = np.linalg.lstsq(np.concatenate([z, penalty]), right, rcond=None)[0] / (1 - rho)
    found = boundary_probe(features, targets, 30, width)(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found, targets.mean(0) + z @ weights, rtol=1e-8, atol=1e-8)


def test_two_classes_are_parted_half_way_however_rare_one_is() -> None:
    features = np.array([[-1.0], [1.0]] * 50 + [[3.0], [5.0]])  # means 0 and 4, variance 1 within
    classes = np.array([0] * 100 + [1] * 2)
    probe = class_probe(features, classes, 2)
    assert probe(torch.tensor([[1.99], [2.01]], dtype=torch.float64)).argmax(1).tolist() == [0, 1]


def test_shrinkage_by_hand() -> None:
    matrix = torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    # p = 2, tr(S²) = 2.5, tr²(S) = 4: (0 · 2.5 + 4) / ((10 + 1 − 1)(2.5 − 2)) = 0.8
    assert shrinkage(matrix, 10) == pytest.approx(0.8)
    assert shrinkage(matrix, 1) == 1.0
    assert shrinkage(torch.eye(3), 1000) == 1.0


def test_units_of_a_channel_change_nothing(cells) -> None:
    features, *_ = cells
    scaled = features * [1e-3, 1e4, -1, 1, 7] + [0, 1, 2, -5, 0]
    for probe, of_scaled in zip(both(features, cells), both(scaled, cells), strict=True):
        plain, other = probe(torch.from_numpy(features)), of_scaled(torch.from_numpy(scaled))
        torch.testing.assert_close(plain - plain[:, :1], other - other[:, :1], rtol=1e-5, atol=1e-5)


def test_void_teaches_no_class(cells) -> None:
    features, classes, _ = cells
    labelled = classes != VOID
    x = torch.from_numpy(features)
    without = class_probe(features[labelled], classes[labelled], 1)
    torch.testing.assert_close(class_probe(features, classes, 1)(x), without(x))


def test_constant_channels_have_no_say(cells) -> None:
    features, _, targets = cells
    padded = np.concatenate([features, np.full((600, 1), 0.1), np.zeros((600, 1))], axis=1)
    for found in both(padded, cells):
        assert (found.weights[5:] == 0).all()
        assert found.weights[:5].abs().min() > 0
    _, nothing = both(padded[:, 5:], cells)
    predicted = nothing(torch.rand(4, 2, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(predicted, np.tile(targets.mean(0), (4, 1)))


def test_features_that_are_the_answer_need_no_spread_within_classes() -> None:
    classes = np.arange(60) % 3
    probe = class_probe(np.eye(3)[classes], classes, 6)
    assert probe(torch.eye(3, dtype=torch.float64)).argmax(1).tolist() == [0, 1, 2]


def test_a_class_that_was_never_seen_is_never_named(cells) -> None:
    features, classes, _ = cells
    probe = class_probe(features, np.where(classes == 1, 0, classes), 30)
    assert 1 not in probe(torch.randn(500, 5, dtype=torch.float64) * 100).argmax(1)


def test_pieces_of_an_image_are_one_image(cells) -> None:
    features, classes, targets = cells
    found = []
    for parts in (1, 4):
        which, where = ClassMoments(5, 3), BoundaryMoments(5, 2)
        for number in range(10):
            own = slice(number * 60, number * 60 + 60)
            for part in range(parts):
                x = torch.from_numpy(features[own][part::parts])
                which.add(number, x, classes[own][part::parts].astype(np.uint8))
                where.add(number, x, targets[own][part::parts])
        found.append((which.readout().weights, where.readout().weights))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)
