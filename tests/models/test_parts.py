"""GCN, BR, deconvolution, SEB and ECRE against references in plain numpy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exfuse.models.ecre import SubPixelUpsampling
from exfuse.models.gcn import BoundaryRefinement, Deconvolution, GlobalConvolution
from exfuse.models.seb import SemanticEmbeddingBranch

Array = np.ndarray


def convolve(x: Array, convolution: nn.Conv2d) -> Array:
    """A 'same' convolution (C, H, W), tap by tap from its definition."""
    weight = convolution.weight.detach().numpy()
    kh, kw = weight.shape[2:]
    _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2)))
    y = np.repeat(convolution.bias.detach().numpy()[:, None], height * width, 1).reshape(-1, height, width)
    for a in range(kh):
        for b in range(kw):
            y = y + np.einsum("oc,chw->ohw", weight[:, :, a, b], padded[:, a : a + height, b : b + width])
    return y


def interpolate(x: Array, height: int, width: int) -> Array:
    """Bilinear, pixel centres aligned, edges repeated."""
    y = np.zeros((len(x), height, width))
    for i in range(height):
        for j in range(width):
            v = min(max((i + 0.5) * x.shape[1] / height - 0.5, 0), x.shape[1] - 1)
            u = min(max((j + 0.5) * x.shape[2] / width - 0.5, 0), x.shape[2] - 1)
            v0, u0 = int(v), int(u)
            v1, u1 = min(v0 + 1, x.shape[1] - 1), min(u0 + 1, x.shape[2] - 1)
            top = x[:, v0, u0] * (1 - (u - u0)) + x[:, v0, u1] * (u - u0)
            bottom = x[:, v1, u0] * (1 - (u - u0)) + x[:, v1, u1] * (u - u0)
            y[:, i, j] = top * (1 - (v - v0)) + bottom * (v - v0)
    return y


def convolve_back(y: Array, convolution: nn.Conv2d) -> Array:
    """The transpose of :func:`convolve` without its bias: what gradients go through."""
    weight = convolution.weight.detach().numpy()
    kh, kw = weight.shape[2:]
    _, height, width = y.shape
    padded = np.zeros((weight.shape[1], height + kh - 1, width + kw - 1))
    for a in range(kh):
        for b in range(kw):
            padded[:, a : a + height, b : b + width] += np.einsum("oc,ohw->chw", weight[:, :, a, b], y)
    return padded[:, kh // 2 : kh // 2 + height, kw // 2 : kw // 2 + width]


def interpolate_back(y: Array, height: int, width: int) -> Array:
    """The transpose of :func:`interpolate`, from its value for a one at each pixel."""
    ones = np.eye(height * width).reshape(-1, height, width)
    return np.einsum("phw,chw->cp", interpolate(ones, *y.shape[1:]), y).reshape(len(y), height, width)


def shaken(module: nn.Module) -> nn.Module:
    """The module in double precision with random weights and biases, so that no term hides behind its start."""
    generator = torch.Generator().manual_seed(3)
    module = module.double()
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5
    return module


def random_maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def assert_same(actual: torch.Tensor, expected: Array) -> None:
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_gcn_is_two_separable_branches_without_nonlinearity(kernel: int) -> None:
    block, x = shaken(GlobalConvolution(4, 3, kernel)), random_maps(1, 4, 5, 6)
    assert block.left[0].weight.shape == (3, 4, kernel, 1)
    assert block.left[1].weight.shape == (3, 3, 1, kernel)
    assert block.right[0].weight.shape == (3, 4, 1, kernel)
    assert block.right[1].weight.shape == (3, 3, kernel, 1)
    left = convolve(convolve(x[0].numpy(), block.left[0]), block.left[1])
    right = convolve(convolve(x[0].numpy(), block.right[0]), block.right[1])
    assert_same(block(x)[0], left + right)
    # affine: the middle of two inputs gives the middle of their outputs
    torch.testing.assert_close(block((x - x.flip(2)) / 2), (block(x) + block(-x.flip(2))) / 2)


def test_boundary_refinement_is_residual() -> None:
    block, x = shaken(BoundaryRefinement(3)), random_maps(1, 3, 5, 4)
    hidden = np.maximum(convolve(x[0].numpy(), block.conv1), 0)
    assert_same(block(x)[0], x[0].numpy() + convolve(hidden, block.conv2))


@pytest.mark.parametrize("higher", [{2: 5}, {2: 5, 3: 4}, {2: 5, 3: 4, 4: 2}])
def test_seb_multiplies_all_higher_levels(higher: dict[int, int]) -> None:
    branch, x = shaken(SemanticEmbeddingBranch(3, higher)), random_maps(1, 3, 16, 8)
    maps = {level: random_maps(1, channels, 32 >> level, 16 >> level) for level, channels in higher.items()}
    expected = x[0].numpy()
    for level in higher:
        expected = expected * interpolate(convolve(maps[level][0].numpy(), branch.embed[str(level)]), 16, 8)
    assert_same(branch(x, maps)[0], expected)


@pytest.mark.parametrize("higher", [{2: 5}, {2: 5, 3: 4}, {2: 5, 3: 4, 4: 2}])
def test_seb_passes_gradients_on_by_the_product_rule(higher: dict[int, int]) -> None:
    branch, x = shaken(SemanticEmbeddingBranch(3, higher)), random_maps(1, 3, 16, 8).requires_grad_()
    maps = {
        level: random_maps(1, channels, 32 >> level, 16 >> level).requires_grad_() for level, channels in higher.items()
    }
    g = random_maps(2, 3, 16, 8)[:1]
    (branch(x, maps) * g).sum().backward()
    own, factors = x.detach()[0].numpy(), {}
    for level in higher:
        embedded = convolve(maps[level].detach()[0].numpy(), branch.embed[str(level)])
        factors[level] = interpolate(embedded, 16, 8)
    assert_same(x.grad[0], g[0].numpy() * np.prod(list(factors.values()), axis=0))
    for level in higher:
        others = [own, *(factor for other, factor in factors.items() if other != level)]
        back = interpolate_back(g[0].numpy() * np.prod(others, axis=0), 32 >> level, 16 >> level)
        assert_same(maps[level].grad[0], convolve_back(back, branch.embed[str(level)]))


def test_seb_starts_near_its_input() -> None:
    torch.manual_seed(0)
    branch = SemanticEmbeddingBranch(16, {2: 32, 3: 64, 4: 128})
    x = torch.randn(2, 16, 32, 32).relu()
    higher = {level: torch.randn(2, 2 ** (level + 3), 64 >> level, 64 >> level).relu() for level in (2, 3, 4)}
    assert 0 < (branch(x, higher) - x).norm() / x.norm() < 0.3
    assert all((convolution.bias == 1).all() for convolution in branch.embed.values())


def test_subpixel_order() -> None:
    upsampling = SubPixelUpsampling(2)
    nn.init.zeros_(upsampling.conv.weight)
    upsampling.conv.bias.data = torch.arange(8.0)
    y = upsampling(torch.randn(1, 2, 3, 2))
    assert y.shape == (1, 2, 6, 4)
    for d in range(2):
        for i in range(6):
            for j in range(4):
                assert y[0, d, i, j] == 4 * d + 2 * (i % 2) + j % 2


def test_subpixel_upsampling_has_no_nonlinearity() -> None:
    upsampling, x = shaken(SubPixelUpsampling(2)), random_maps(1, 2, 3, 4)
    channels = convolve(x[0].numpy(), upsampling.conv)
    expected = np.zeros((2, 6, 8))
    for d in range(2):
        for a in range(2):
            for b in range(2):
                expected[d, a::2, b::2] = channels[4 * d + 2 * a + b]
    assert_same(upsampling(x)[0], expected)


@pytest.mark.parametrize("design", [Deconvolution, SubPixelUpsampling])
def test_upsampling_starts_as_interpolation(design: type[nn.Module]) -> None:
    x = random_maps(1, 3, 4, 5)
    y = design(3).double()(x)
    assert_same(y[0, :, 1:-1, 1:-1], interpolate(x[0].numpy(), 8, 10)[:, 1:-1, 1:-1])
    # at the border it interpolates towards the zeros outside
    assert_same(y[0], interpolate(np.pad(x[0].numpy(), ((0, 0), (1, 1), (1, 1))), 12, 14)[:, 2:-2, 2:-2])


def test_deconvolution_is_the_transpose_of_a_strided_convolution() -> None:
    layer, x = shaken(Deconvolution(2)), random_maps(1, 2, 3, 4)
    g = random_maps(1, 2, 6, 8)
    # <deconvolution(x), g> = <x, convolution(g)> with the very weights
    adjoint = F.conv2d(g, layer.weight, stride=2, padding=1)
    torch.testing.assert_close((layer(x) * g).sum(), (x * adjoint).sum())


@pytest.mark.parametrize(("in_channels", "width", "kernel"), [(32, 5, 3), (2048, 21, 15), (256, 189, 15)])
def test_gcn_starts_with_the_scale_of_its_input(in_channels: int, width: int, kernel: int) -> None:
    torch.manual_seed(0)
    block, x = GlobalConvolution(in_channels, width, kernel), torch.randn(1, in_channels, 24, 24)
    middle = block(x)[:, :, 8:-8, 8:-8]  # away from the zeros outside; two independent branches add their variances
    assert 0.6 < middle.std() / 2**0.5 < 1.6


@pytest.mark.parametrize("width", [21, 189])
def test_boundary_refinement_starts_near_the_identity(width: int) -> None:
    """Its hidden maps have the second moment of what it reads, and a tenth of their root is added."""
    torch.manual_seed(0)
    block, x = BoundaryRefinement(width), torch.randn(1, width, 24, 24)
    assert 0.08 < (block(x) - x).norm() / x.norm() < 0.12
    assert not block(torch.zeros_like(x)).any()
