"""Padding, grouping and flipping, seen through fake models that depend on where things are."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from exfuse.evaluation.inference import (
    InferenceSettings,
    evaluation_mode,
    labels_of,
    padded_side,
    predict_batch,
    predict_scores,
)

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
SETTINGS = InferenceSettings(size=64, mean=MEAN, std=STD, batch_size=2)


class Recorder(nn.Module):
    """Keeps what it was given; scores are the channels themselves, the columns and the sum over the whole input."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Tensor] = []

    def forward(self, images: Tensor) -> SimpleNamespace:
        self.inputs.append(images)
        columns = torch.arange(images.shape[3]).float().expand(images.shape[0], 1, *images.shape[2:])
        whole = images.sum(dim=(1, 2, 3), keepdim=True).expand(-1, 1, *images.shape[2:])
        return SimpleNamespace(scores=torch.cat([images, images[:, :1] * columns, whole], dim=1))


def random_image(height: int, width: int) -> Tensor:
    pixels = np.random.default_rng(height * width).integers(0, 256, (3, height, width), dtype=np.uint8)
    return torch.from_numpy(pixels)


def normalized(image: Tensor) -> Tensor:
    return (image / 255 - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)


@pytest.mark.parametrize(("length", "expected"), [(1, 64), (64, 64), (65, 96), (96, 96), (97, 128), (500, 512)])
def test_sides_grow_to_the_training_size_or_the_next_multiple_of_32(length: int, expected: int) -> None:
    assert padded_side(length, 64) == expected


@pytest.mark.parametrize(("height", "width", "padded"), [(20, 50, (64, 64)), (64, 64, (64, 64)), (70, 10, (96, 64))])
def test_an_image_lies_at_the_top_left_of_its_mean(height: int, width: int, padded: tuple[int, int]) -> None:
    model = Recorder()
    image = random_image(height, width)
    scores = predict_scores(model, image, SETTINGS)
    given = model.inputs[0][0]
    assert given.shape == (3, *padded)
    torch.testing.assert_close(given[:, :height, :width], normalized(image), atol=1e-5, rtol=1e-5)
    assert given[:, height:].abs().sum() + given[:, :, width:].abs().sum() < 0.01 * given.numel()
    assert scores.shape == (5, height, width)
    torch.testing.assert_close(scores[:3], given[:, :height, :width])


def test_flipping_is_of_the_unpadded_image_and_scores_are_averaged_in_place() -> None:
    image = random_image(30, 40)
    scores = predict_scores(Recorder(), image, SETTINGS, flip=True)
    red = normalized(image)[0]
    columns = torch.arange(40).float()
    # the pixel at column x stands at column 39 - x of the mirrored image, whose left edge is its own
    expected = (red * columns + red * (39 - columns)) / 2
    torch.testing.assert_close(scores[3], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(scores[:3], normalized(image), atol=1e-5, rtol=1e-5)


def test_a_flipped_prediction_of_the_mirrored_image_is_the_mirrored_prediction() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 5, padding=2)

    class Model(nn.Module):
        def forward(self, images: Tensor) -> SimpleNamespace:
            return SimpleNamespace(scores=convolution(images))

    image = random_image(33, 47)
    once = predict_scores(Model(), image, SETTINGS, flip=True)
    mirrored = predict_scores(Model(), image.flip(2), SETTINGS, flip=True)
    torch.testing.assert_close(mirrored.flip(2), once, atol=1e-5, rtol=1e-5)
    plain = predict_scores(Model(), image, SETTINGS)
    assert not torch.allclose(plain, once, atol=1e-3)


@pytest.mark.parametrize("flip", [False, True])
def test_a_batch_of_mixed_sizes_gives_what_each_image_gives(flip: bool) -> None:
    images = [random_image(*shape) for shape in [(64, 64), (90, 20), (10, 12), (64, 30), (91, 21), (5, 64)]]
    model = Recorder()
    together = predict_batch(model, images, SETTINGS, flip)
    assert [tuple(batch.shape) for batch in model.inputs[:3]] == [(2, 3, 64, 64), (2, 3, 64, 64), (2, 3, 96, 64)]
    for image, scores in zip(images, together, strict=True):
        torch.testing.assert_close(scores, predict_scores(Recorder(), image, SETTINGS, flip), atol=1e-3, rtol=1e-4)


def test_evaluation_leaves_every_modules_mode_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.Sequential(nn.BatchNorm2d(3)))
    model.train()
    model[2].eval()
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == [True, True, True, False, False]
    assert torch.is_grad_enabled()


def test_labels_are_the_highest_scores() -> None:
    scores = torch.tensor([[[0.1, 3.0]], [[0.2, -1.0]], [[0.0, 2.0]]])
    labels = labels_of(scores)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[1, 0]]
