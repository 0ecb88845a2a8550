"""Densely Adjacent Prediction against a literal double loop of Equation 3."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from exfuse.models.dap import DenselyAdjacentPrediction, densely_adjacent_prediction

KERNELS = [1, 3, 5]
SIZES = [(4, 5), (1, 2), (1, 1), (6, 3)]


def equation_3(x: torch.Tensor, k: int) -> torch.Tensor:
    """r[i, j] = 1/k² Σ x^(l·k + m)[i + l − ⌊k/2⌋, j + m − ⌊k/2⌋], zero outside the map."""
    batch, channels, height, width = x.shape
    C = channels // k**2
    r = x.new_zeros(batch, C, height, width)
    for i in range(height):
        for j in range(width):
            for l in range(k):  # noqa: E741
                for m in range(k):
                    a, b, c = i + l - k // 2, j + m - k // 2, l * k + m
                    if 0 <= a < height and 0 <= b < width:
                        r[:, :, i, j] += x[:, c * C : (c + 1) * C, a, b]
    return r / k**2


def equation_3_gradient(g: torch.Tensor, k: int) -> torch.Tensor:
    """dL/dx from dL/dr, by following each term of Equation 3 back."""
    batch, C, height, width = g.shape
    dx = g.new_zeros(batch, C * k**2, height, width)
    for i in range(height):
        for j in range(width):
            for l in range(k):  # noqa: E741
                for m in range(k):
                    a, b, c = i + l - k // 2, j + m - k // 2, l * k + m
                    if 0 <= a < height and 0 <= b < width:
                        dx[:, c * C : (c + 1) * C, a, b] += g[:, :, i, j] / k**2
    return dx


def random_maps(k: int, size: tuple[int, int], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(2, 3 * k**2, *size, dtype=dtype, generator=torch.Generator().manual_seed(k))


@pytest.mark.parametrize("k", KERNELS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_is_equation_3_forward_and_gradient(k: int, size: tuple[int, int], layout: torch.memory_format) -> None:
    x = random_maps(k, size).contiguous(memory_format=layout).requires_grad_()
    r = densely_adjacent_prediction(x, k)
    torch.testing.assert_close(r, equation_3(x.detach(), k), rtol=1e-13, atol=1e-13)
    g = torch.randn(r.shape, dtype=r.dtype, generator=torch.Generator().manual_seed(99))
    r.backward(g)
    torch.testing.assert_close(x.grad, equation_3_gradient(g, k), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("k", KERNELS)
def test_gradcheck(k: int) -> None:
    x = torch.randn(1, 2 * k**2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda maps: densely_adjacent_prediction(maps, k), (x,))


def test_is_not_pixel_shuffle_and_average_pooling() -> None:
    x = random_maps(3, (16, 16))
    # pixel shuffle reads channels as (C, k²), Equation 3 as (k², C)
    by_class = x.view(2, 9, 3, 16, 16).transpose(1, 2).reshape(2, 27, 16, 16)
    co_located = F.avg_pool2d(F.pixel_shuffle(by_class, 3), 3)
    ours = densely_adjacent_prediction(x, 3)
    assert (ours - co_located).norm() / co_located.norm() > 1


@pytest.mark.parametrize("k", KERNELS)
@pytest.mark.parametrize("backend", ["compile", "export"])
def test_compiled_and_exported_agree_with_eager(k: int, backend: str) -> None:
    layer, x = DenselyAdjacentPrediction(k), random_maps(k, (4, 6), torch.float32)
    if backend == "compile":
        other = torch.compile(layer, backend="aot_eager", fullgraph=True)
    else:
        other = torch.export.export(layer, (x,)).module()
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected, actual = layer(mine), other(theirs)
    torch.testing.assert_close(actual, expected)
    (expected**2).sum().backward()
    (actual**2).sum().backward()
    torch.testing.assert_close(theirs.grad, mine.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_once(dtype: torch.dtype) -> None:
    x = random_maps(3, (8, 8), torch.float32).to(dtype)
    expected = equation_3(x.double(), 3)
    actual = densely_adjacent_prediction(x, 3)
    assert actual.dtype is dtype
    # half a unit in the last place of the result, where a sum in half precision would round eight more times
    torch.testing.assert_close(actual.double(), expected, rtol=0.51 * torch.finfo(dtype).eps, atol=1e-6)


def test_runs_under_autocast() -> None:
    x = random_maps(3, (4, 4), torch.float32).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = F.conv2d(x, torch.eye(27)[:, :, None, None])
        r = densely_adjacent_prediction(maps, 3)
    assert r.dtype is torch.bfloat16
    r.float().sum().backward()
    torch.testing.assert_close(x.grad, equation_3_gradient(torch.ones(2, 3, 4, 4), 3), rtol=1e-2, atol=1e-3)


class FullSizeStorages(TorchDispatchMode):
    """Counts the distinct storages of at least ``size`` bytes that operations make."""

    def __init__(self, size: int, known: torch.Tensor) -> None:
        super().__init__()
        self.size, self.known, self.alive = size, known.untyped_storage().data_ptr(), {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage.nbytes() >= self.size and storage.data_ptr() != self.known:
                    self.alive[storage.data_ptr()] = storage  # held, so that no address is used twice
        return result


def test_backward_allocates_one_full_size_tensor() -> None:
    x = torch.randn(1, 18, 16, 16, requires_grad=True)

    def allocations(function) -> int:  # type: ignore[no-untyped-def]
        with FullSizeStorages(x.numel() * x.element_size(), x) as counted:
            function(x).sum().backward()
        return len(counted.alive)

    def slice_loop(maps: torch.Tensor) -> torch.Tensor:
        padded = F.pad(maps, (1, 1, 1, 1))
        return sum(padded[:, 2 * c : 2 * c + 2, c // 3 : c // 3 + 16, c % 3 : c % 3 + 16] for c in range(9)) / 9

    assert allocations(lambda maps: densely_adjacent_prediction(maps, 3)) == 1
    assert allocations(slice_loop) > 9


@pytest.mark.parametrize(("channels", "k"), [(18, 2), (18, 0), (20, 3)])
def test_refuses_what_equation_3_does_not_define(channels: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"odd|multiple"):
        densely_adjacent_prediction(torch.zeros(1, channels, 4, 4), k)
