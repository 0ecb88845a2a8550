"""Transforms against coordinates written into the pixels, equations and torchvision."""

import numpy as np
import pytest
import torch
from torch import Tensor

from exfuse.data.transforms import (
    CentreCrop,
    RandomResizedCrop,
    _scale_and_shift,
    flip_and_crop,
    mean_pixel,
    normalize,
    pad,
)

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
FILL = torch.tensor([250, 251, 252], dtype=torch.uint8).reshape(3, 1, 1)


def coordinates(height: int, width: int) -> tuple[Tensor, Tensor]:
    """An image whose red is the row and green the column, and a mask that is a function of both."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = torch.stack([rows, columns, torch.full_like(rows, 7)]).to(torch.uint8)
    return image, ((5 * rows + 3 * columns) % 21).to(torch.uint8)


def random_image(height: int, width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(height).integers(0, 256, (3, height, width), dtype=np.uint8))


def test_mean_pixel_is_imagenets_mean_in_grey_levels() -> None:
    assert mean_pixel(MEAN).flatten().tolist() == [124, 116, 104]  # 123.675, 116.28, 103.53


def test_padding_lies_at_the_bottom_and_right() -> None:
    image = random_image(3, 5)
    padded = pad(image, 4, 8, FILL)
    assert torch.equal(padded[:, :3, :5], image)
    assert (padded[:, 3:] == FILL).all() and (padded[:, :, 5:] == FILL).all()


def test_normalize_is_its_equation_and_leaves_the_images_alone() -> None:
    images = random_image(6, 7)[None]
    before = images.clone()
    expected = (images.double() / 255 - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)
    result = normalize(images, MEAN, STD)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.double(), expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(images, before)


def test_an_evaluation_leaves_nothing_that_training_cannot_use() -> None:
    mean = (0.1, 0.2, 0.3)
    with torch.inference_mode():
        normalize(random_image(4, 4)[None], mean, STD)
    scale = torch.ones(1, requires_grad=True)
    for constant in _scale_and_shift(mean, STD, torch.device("cpu")):
        (scale * constant).sum().backward()
    assert scale.grad is not None


def test_the_mean_pixel_is_normalized_to_nearly_nothing() -> None:
    assert normalize(mean_pixel(MEAN), MEAN, STD).abs().max() < 0.01


@pytest.mark.parametrize(("height", "width"), [(20, 40), (64, 64), (100, 90), (100, 30), (33, 200), (1, 1)])
def test_image_and_mask_stay_aligned(height: int, width: int) -> None:
    size = 64
    image, mask = coordinates(height, width)
    directions = set()
    for seed in range(12):
        sample, labels = flip_and_crop(image, mask, size, FILL, np.random.default_rng(seed))
        assert sample.shape == (3, size, size) and labels.shape == (size, size)
        inside_height, inside_width = min(height, size), min(width, size)
        inside = sample[:, :inside_height, :inside_width].int()
        assert torch.equal(labels[:inside_height, :inside_width].int(), (5 * inside[0] + 3 * inside[1]) % 21)
        outside = torch.ones(size, size, dtype=torch.bool)
        outside[:inside_height, :inside_width] = False
        assert (labels[outside] == 255).all()
        assert (sample[:, outside] == FILL.reshape(3, 1)).all()
        assert (inside[0].diff(dim=0) == 1).all()
        directions |= set(inside[1].diff(dim=1).flatten().tolist())
    assert directions == ({1, -1} if width > 1 else set())


def test_every_window_is_drawn() -> None:
    image, mask = coordinates(34, 33)
    corners = set()
    for seed in range(80):
        sample, _ = flip_and_crop(image, mask, 32, FILL, np.random.default_rng(seed))
        corners.add((int(sample[0].min()), int(sample[1].min())))
    assert corners == {(top, left) for top in range(3) for left in range(2)}


def test_windows_of_classification_stay_inside_and_cover_the_declared_areas() -> None:
    crop = RandomResizedCrop(224, 0.25)
    generator = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        top, left, height, width = crop.window(375, 500, generator)
        assert top >= 0 and left >= 0 and top + height <= 375 and left + width <= 500
        assert 0.74 < width / height < 1.35
        shares.append(height * width / (375 * 500))
    assert 0.245 < min(shares) < 0.3 and 0.9 < max(shares) <= 1


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(10, 1000, (0, 493, 10, 13)), (1000, 10, (493, 0, 13, 10)), (1, 1, (0, 0, 1, 1))],
)
def test_a_long_strip_gives_its_centre(height: int, width: int, expected: tuple[int, ...]) -> None:
    assert RandomResizedCrop(32, 0.9).window(height, width, np.random.default_rng(1)) == expected


def test_random_resized_crop_is_torchvisions_resize_of_its_window() -> None:
    from torchvision.transforms.v2.functional import horizontal_flip, resized_crop

    image = random_image(60, 83)
    crop = RandomResizedCrop(32, 0.1)
    flips = 0
    for seed in range(10):
        result = crop(image, np.random.default_rng(seed))
        expected = resized_crop(image, *crop.window(60, 83, np.random.default_rng(seed)), [32, 32], antialias=True)
        assert result.dtype == torch.uint8
        flipped = not torch.equal(result, expected)
        flips += flipped
        assert torch.equal(result, horizontal_flip(expected) if flipped else expected)
    assert 0 < flips < 10


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 333), (64, 64), (20, 31), (257, 256)])
def test_centre_crop_is_torchvisions(height: int, width: int) -> None:
    from torchvision.transforms.v2.functional import center_crop, resize

    image = random_image(height, width)
    for resized in (64, 73, 75):  # 4.5 and 5.5 pixels are left over: both are rounded to the even number
        expected = center_crop(resize(image, [resized], antialias=True), [64])
        assert torch.equal(CentreCrop(resized, size=64)(image), expected)


@pytest.mark.parametrize(("height", "width"), [(60, 83), (100, 40), (33, 33), (1, 7), (7, 1)])
def test_the_layout_in_memory_changes_no_pixel_and_is_kept(height: int, width: int) -> None:
    planar = random_image(height, width)
    interleaved = planar.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    mask = torch.zeros(height, width, dtype=torch.uint8)
    for seed in range(8):
        for crop in (RandomResizedCrop(32, 0.1), CentreCrop(36, 32)):
            result = crop(interleaved, np.random.default_rng(seed))
            assert torch.equal(result, crop(planar, np.random.default_rng(seed)))
            assert result.stride(0) == 1
        result, _ = flip_and_crop(interleaved, mask, 48, FILL, np.random.default_rng(seed))
        assert torch.equal(result, flip_and_crop(planar, mask, 48, FILL, np.random.default_rng(seed))[0])
        assert result.stride() == (1, 3 * 48, 3)


def test_a_crop_larger_than_the_resized_side_is_refused() -> None:
    with pytest.raises(ValueError, match="a crop of 224 pixels does not fit"):
        CentreCrop(resize=200, size=224)
