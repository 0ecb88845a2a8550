"""Linear probes against their formulas written out over all samples, hand cases, and a least-squares solver."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from exfuse.inspection.linear_probe import Moments, shrinkage

VOID = 255


def moments(
    features: NDArray[np.float64],
    classes: NDArray[np.integer],
    targets: NDArray[np.bool_],
    images: int,
    num_classes: int,
) -> Moments:
    """Sums over cells that are dealt out to so many images."""
    sums = Moments(features.shape[1], num_classes, targets.shape[1])
    for image in range(images):
        own = slice(image, None, images)
        sums.add(image, torch.from_numpy(features[own]), classes[own].astype(np.uint8), targets[own])
    return sums


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


def test_discriminants_are_those_of_the_formula(cells) -> None:
    features, classes, targets = cells
    labelled = classes != VOID
    x, y = features[labelled], classes[labelled]
    means = np.stack([x[y == label].mean(0) for label in range(3)])
    scale = x.std(0)
    centred = (x - means[y]) / scale
    within = centred.T @ centred / len(x)
    rho = share(within, 30)
    shrunk = (1 - rho) * within + rho * np.trace(within) / 5 * np.eye(5)
    inverse = np.linalg.inv(shrunk)
    z, m = features / scale, means / scale
    expected = z @ inverse @ m.T - np.einsum("cd,de,ce->c", m, inverse, m) / 2
    found = moments(features, classes, targets, 30, 3).which_class()(torch.from_numpy(features)).numpy()
    assert 0.01 < rho < 0.9
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_predictions_are_those_of_regularised_least_squares(cells) -> None:
    features, classes, targets = cells
    z = (features - features.mean(0)) / features.std(0)
    rho = share(z.T @ z / len(z), 30)
    penalty = np.sqrt(len(z) * rho / (1 - rho)) * np.eye(5)
    right = np.concatenate([targets - targets.mean(0), np.zeros((5, 2))])
    weights = np.linalg.lstsq(np.concatenate([z, penalty]), right, rcond=None)[0] / (1 - rho)
    found = moments(features, classes, targets, 30, 3).where_boundaries_run()(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found, targets.mean(0) + z @ weights, rtol=1e-8, atol=1e-8)


def test_two_classes_are_parted_half_way_however_rare_one_is() -> None:
    features = np.array([[-1.0], [1.0]] * 50 + [[3.0], [5.0]])  # means 0 and 4, variance 1 within
    classes = np.array([0] * 100 + [1] * 2)
    probe = moments(features, classes, np.zeros((102, 1), bool), 2, 2).which_class()
    assert probe(torch.tensor([[1.99], [2.01]], dtype=torch.float64)).argmax(1).tolist() == [0, 1]


def test_shrinkage_by_hand() -> None:
    matrix = torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    # p = 2, tr(S²) = 2.5, tr²(S) = 4: (0 · 2.5 + 4) / ((10 + 1 − 1)(2.5 − 2)) = 0.8
    assert shrinkage(matrix, 10) == pytest.approx(0.8)
    assert shrinkage(matrix, 1) == 1.0
    assert shrinkage(torch.eye(3), 1000) == 1.0


def test_units_of_a_channel_change_nothing(cells) -> None:
    features, classes, targets = cells
    scaled = features * [1e-3, 1e4, -1, 1, 7] + [0, 1, 2, -5, 0]
    for probe in ("which_class", "where_boundaries_run"):
        plain = getattr(moments(features, classes, targets, 30, 3), probe)()(torch.from_numpy(features))
        other = getattr(moments(scaled, classes, targets, 30, 3), probe)()(torch.from_numpy(scaled))
        torch.testing.assert_close(plain - plain[:, :1], other - other[:, :1], rtol=1e-5, atol=1e-5)


def test_void_teaches_boundaries_and_no_class(cells) -> None:
    features, classes, targets = cells
    labelled = classes != VOID
    everything = moments(features, classes, targets, 1, 3)
    without = moments(features[labelled], classes[labelled], targets[labelled], 1, 3)
    x = torch.from_numpy(features)
    torch.testing.assert_close(everything.which_class()(x), without.which_class()(x))
    assert not torch.allclose(everything.where_boundaries_run()(x), without.where_boundaries_run()(x), rtol=1e-3)


def test_constant_channels_have_no_say(cells) -> None:
    features, classes, targets = cells
    padded = np.concatenate([features, np.full((600, 1), 0.1), np.zeros((600, 1))], axis=1)
    for probe in ("which_class", "where_boundaries_run"):
        found = getattr(moments(padded, classes, targets, 30, 3), probe)()
        assert (found.weights[5:] == 0).all()
        assert found.weights[:5].abs().min() > 0
    nothing = moments(padded[:, 5:], classes, targets, 30, 3)
    predicted = nothing.where_boundaries_run()(torch.rand(4, 2, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(predicted, np.tile(targets.mean(0), (4, 1)))


def test_features_that_are_the_answer_need_no_spread_within_classes() -> None:
    classes = np.arange(60) % 3
    probe = moments(np.eye(3)[classes], classes, np.zeros((60, 1), bool), 6, 3).which_class()
    assert probe(torch.eye(3, dtype=torch.float64)).argmax(1).tolist() == [0, 1, 2]


def test_a_class_that_was_never_seen_is_never_named(cells) -> None:
    features, classes, targets = cells
    probe = moments(features, np.where(classes == 1, 0, classes), targets, 30, 3).which_class()
    assert 1 not in probe(torch.randn(500, 5, dtype=torch.float64) * 100).argmax(1)


def test_pieces_of_an_image_are_one_image(cells) -> None:
    features, classes, targets = cells
    whole, pieces = Moments(5, 3, 2), Moments(5, 3, 2)
    for number in range(10):
        own = slice(number * 60, number * 60 + 60)
        for sums, parts in ((whole, 1), (pieces, 4)):
            for part in range(parts):
                x = torch.from_numpy(features[own][part::parts])
                sums.add(number, x, classes[own][part::parts].astype(np.uint8), targets[own][part::parts])
    torch.testing.assert_close(whole.which_class().weights, pieces.which_class().weights, rtol=1e-9, atol=1e-9)
