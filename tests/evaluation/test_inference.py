"""Padding, grouping and flipping, seen through fake models that depend on where things are."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from exfuse.data.transforms import normalize
from exfuse.errors import UserError
from exfuse.evaluation.inference import (
    InferenceSettings,
    evaluation_mode,
    goes_whole,
    images_at_once,
    label_bands,
    labels_of,
    mirrored_scores,
    padded_side,
    plain_scores,
    predict_batch,
    predict_labels,
    predict_scores,
)
from exfuse.evaluation.tiles import spans

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
SETTINGS = InferenceSettings(size=64, mean=MEAN, std=STD, batch_size=2)
LARGER = InferenceSettings(size=128, mean=MEAN, std=STD, batch_size=2)
"""Images of up to 160 pixels go whole."""


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


@pytest.mark.parametrize(
    ("height", "width", "padded"), [(20, 50, (128, 128)), (128, 128, (128, 128)), (130, 10, (160, 128))]
)
def test_an_image_lies_at_the_top_left_of_its_mean(height: int, width: int, padded: tuple[int, int]) -> None:
    model = Recorder()
    image = random_image(height, width)
    scores = predict_scores(model, image, LARGER)
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
    sizes = [(128, 128), (150, 20), (10, 12), (128, 30), (151, 21), (5, 128)]
    images = [random_image(*size) for size in sizes]
    model = Recorder()
    together = predict_batch(model, images, LARGER, flip)
    assert [tuple(batch.shape[2:]) for batch in model.inputs[:3]] == [(128, 128), (128, 128), (160, 128)]
    assert all(len(batch) == 2 for batch in model.inputs)
    for image, scores in zip(images, together, strict=True):
        torch.testing.assert_close(scores, predict_scores(Recorder(), image, LARGER, flip), atol=1e-3, rtol=1e-4)


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


def test_of_equal_scores_the_lowest_class_wins() -> None:
    assert not labels_of(torch.zeros(5, 40, 50)).any()
    assert labels_of(torch.tensor([0.0, 2.0, 1.0, 2.0]).reshape(4, 1, 1)).tolist() == [[1]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_no_numbers_are_no_class(value: float) -> None:
    """Of NaN the first class would win, at every pixel."""
    scores = torch.zeros(3, 4, 5)
    scores[1, 2, 3] = value
    with pytest.raises(UserError, match=r"infinite or no numbers: its weights are damaged.* Fetch or train them again"):
        labels_of(scores)


# --- large images ---


class Edges(nn.Module):
    """A convolution, whose scores near a tile's edge are others than within."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 4, 5, padding=2)

    def forward(self, images: Tensor) -> SimpleNamespace:
        return SimpleNamespace(scores=self.convolution(images))


@pytest.mark.parametrize(
    ("height", "width", "whole"),
    [(1, 640, True), (640, 640, True), (500, 512, True), (641, 100, False), (100, 641, False), (4000, 6000, False)],
)
def test_images_go_whole_up_to_five_quarters_of_the_training_size(height: int, width: int, whole: bool) -> None:
    assert goes_whole(height, width, 512) is whole


def test_a_padded_side_counts_not_the_side() -> None:
    assert not goes_whole(65, 10, 64)  # padded to 96
    assert goes_whole(130, 10, 128)  # padded to 160


@pytest.mark.parametrize("sizes", [[(64, 50), (64, 64), (3, 4)], [(512, 375)]])
def test_images_that_go_whole_get_the_very_bits_of_a_padded_batch(sizes: list[tuple[int, int]]) -> None:
    """Tiling changes no number of an image that needs none: VOC's at 512, mini's at 64."""
    model, images = Edges(), [random_image(*size) for size in sizes]
    side = 64 if len(images) > 1 else 512
    settings = InferenceSettings(size=side, mean=MEAN, std=STD)
    grey = torch.tensor([round(255 * value) for value in MEAN], dtype=torch.uint8).reshape(3, 1, 1)
    batch = grey.expand(len(images), 3, side, side).contiguous(memory_format=torch.channels_last)
    for place, image in enumerate(images):
        batch[place, :, : image.shape[1], : image.shape[2]] = image
    with evaluation_mode(model):
        expected = model(normalize(batch, MEAN, STD)).scores
        labels = predict_labels(model, images, settings, (False,))[False]
        for image, scores, found, label in zip(
            images, expected, plain_scores(model, images, settings), labels, strict=True
        ):
            cropped = scores[:, : image.shape[1], : image.shape[2]]
            assert torch.equal(found, cropped)
            assert np.array_equal(label, cropped.argmax(0).numpy())


def test_a_large_image_is_the_weighted_mean_of_its_padded_tiles() -> None:
    model, image = Edges(), random_image(100, 40)
    expected = torch.zeros(4, 100, 40)
    for span in spans(100, 64):
        tile = image[:, span.start : span.stop]
        expected[:, span.start : span.stop] += predict_scores(model, tile, SETTINGS) * span.weights[:, None]
    found = predict_scores(model, image, SETTINGS)
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        whole = model(normalized(image)[None]).scores[0]
    torch.testing.assert_close(found[:, 5:35, 5:20], whole[:, 5:35, 5:20], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(100, 40), (40, 100), (130, 90), (20, 30)])
def test_labels_are_those_of_the_scores_at_any_size(height: int, width: int) -> None:
    model, image = Edges(), random_image(height, width)
    with evaluation_mode(model):
        labels = predict_labels(model, [image], SETTINGS, (False, True))
        alone = predict_labels(model, [image], SETTINGS, (True,))
        bands = list(label_bands(model, image, SETTINGS, (True,)))
    for flip in (False, True):
        expected = labels_of(predict_scores(model, image, SETTINGS, flip))
        assert np.mean(labels[flip][0] != expected) < 1e-3  # but for ties within rounding
    assert list(alone) == [True]
    assert np.array_equal(alone[True][0], labels[True][0])
    assert np.array_equal(np.concatenate([band[True] for band in bands]), labels[True][0])


class Broken(nn.Module):
    """No numbers where the mirrored or the plain image has a white pixel at its left edge."""

    def forward(self, images: Tensor) -> SimpleNamespace:
        wrong = (images[:, :, :, :1] > 2).all(1, keepdim=True).any(2, keepdim=True)
        return SimpleNamespace(scores=torch.where(wrong, torch.nan, images))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("height", "width"), [(20, 30), (150, 40), (40, 150)])
def test_one_such_score_in_any_pass_is_noticed(height: int, width: int, flip: bool) -> None:
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    for labels in (
        lambda: predict_labels(Broken(), [image], SETTINGS, (flip,))[flip],
        lambda: list(label_bands(Broken(), image, SETTINGS, (flip,))),
    ):
        image.zero_()
        labels()
        image[:, -1, -1 if flip else 0] = 255  # at the left edge of the mirrored image alone, or of the plain one
        with pytest.raises(UserError, match="infinite or no numbers"):
            labels()


def test_large_and_small_images_keep_their_places() -> None:
    model = Edges()
    images = [random_image(*size) for size in [(100, 40), (20, 30), (64, 64), (33, 90)]]
    with evaluation_mode(model):
        labels = predict_labels(model, images, SETTINGS, (False,))[False]
        scores = plain_scores(model, images, SETTINGS)
        mirrored = mirrored_scores(model, images, SETTINGS)
    for image, label, plain, other in zip(images, labels, scores, mirrored, strict=True):
        assert label.shape == plain.shape[1:] == other.shape[1:] == image.shape[1:]
        with evaluation_mode(model):
            torch.testing.assert_close(plain, plain_scores(model, [image], SETTINGS)[0])
            torch.testing.assert_close(other, plain_scores(model, [image.flip(2)], SETTINGS)[0].flip(2))


@pytest.mark.parametrize(
    ("width", "size", "expected"),
    [(5, 64, 8), (45, 64, 8), (21, 512, 1), (21, 256, 6), (189, 512, 1), (1350, 512, 1)],
)
def test_wide_maps_are_fewer_at_once(width: int, size: int, expected: int) -> None:
    assert images_at_once(width, size) == expected
    assert expected in (1, 8) or expected * 4 * 4 * width * size**2 <= 128 << 20
