"""Eager, compiled and exported networks agree: a small GCN and a small ExFuse, odd image sizes too."""

import shutil
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exfuse.models import build
from exfuse.models.segmenter import Segmenter
from exfuse.spec.model import ModelSpec
from tests import networks

SIZES = [(64, 64), (37, 53)]
SPECS = {"gcn": networks.gcn(), "exfuse": networks.exfuse()}


def make(spec: ModelSpec) -> Segmenter:
    torch.compiler.reset()
    torch.manual_seed(0)
    return networks.enliven(build(spec)).eval()


@pytest.fixture(params=list(SPECS))
def model(request: pytest.FixtureRequest) -> Segmenter:
    return make(SPECS[request.param])


def images(size: tuple[int, int]) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))


def assert_agrees(other: Any, model: nn.Module, size: tuple[int, int]) -> None:
    with torch.no_grad():
        expected, actual = model(images(size)), other(images(size))
    assert actual.scores.shape[2:] == size
    assert expected.scores.std() > 0.01
    torch.testing.assert_close(actual.scores, expected.scores, rtol=1e-4, atol=1e-5)
    assert actual.auxiliary is None


@pytest.mark.parametrize("size", SIZES)
def test_exported(model: nn.Module, size: tuple[int, int]) -> None:
    """``torch.export``: one graph without Python; it is for the size of its example."""
    with torch.no_grad():
        exported = torch.export.export(model, (images(size),)).module()
    assert_agrees(exported, model, size)


def test_traced_by_the_compiler(model: nn.Module) -> None:
    """One graph (no breaks), executed operation by operation."""
    assert_agrees(torch.compile(model, backend="aot_eager", fullgraph=True), model, (37, 53))


def gradients(model: Segmenter, call: Any) -> dict[str, torch.Tensor]:
    """Of the sum of both losses, in training mode; batch norm's statistics are put back."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train().zero_grad()
    scores, auxiliary = call(images((37, 53)))
    target = torch.arange(2 * 37 * 53).view(2, 37, 53) % model.spec.num_classes
    loss = F.cross_entropy(scores, target)
    if auxiliary is not None:
        loss = loss + F.cross_entropy(auxiliary, target)
    loss.backward()
    model.load_state_dict(state)
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_traced_by_the_compiler_in_training() -> None:
    model = make(networks.exfuse(levels=(3, 4)))
    expected = gradients(model, model)
    actual = gradients(model, torch.compile(model, backend="aot_eager", fullgraph=True))
    assert actual.keys() == expected.keys() == {name for name, _ in model.named_parameters()}
    for name, gradient in expected.items():
        torch.testing.assert_close(
            actual[name], gradient, rtol=1e-3, atol=1e-5, msg=lambda text, name=name: name + text
        )


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="inductor needs a C++ compiler")
def test_compiled() -> None:
    """``torch.compile`` with its own backend; on a CPU its kernels are C++, which takes most of a minute to compile.

    So there is one network, which has every part of the paper on two levels, and one size. With `dynamic` sizes, also
    those that `torch.compile` takes up by itself at a second size, PyTorch 2.15 fails on SEB's bilinear interpolation
    (``TensorReferenceAnalysis`` has no ``python_mod``).
    """
    model = make(networks.exfuse(levels=(3, 4)))
    assert_agrees(torch.compile(model, fullgraph=True, dynamic=False), model, (37, 53))
