"""Every parameter is trained: of each run and backbone that ``params/`` declares, and of every mixture of switches."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exfuse.models import build, build_classifier
from exfuse.models.segmenter import Segmenter
from exfuse.spec.load import load
from exfuse.spec.model import Prediction, Tap, Upsampling
from exfuse.spec.spec import Spec
from tests.conftest import ROOT
from tests.models.conftest import SUBSETS, Enliven, SpecMaker

_MINI = load(ROOT, "mini")


@pytest.fixture(scope="module")
def mini() -> Spec:
    return _MINI


def backward(model: Segmenter, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Gradients of both losses, after a check that every parameter has one that is finite and not all zeros."""
    generator = torch.Generator().manual_seed(8)
    images = torch.randn(2, 3, 64, 64, generator=generator)
    target = torch.randint(0, model.spec.num_classes, (2, 64, 64), generator=generator)
    with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
        scores, auxiliary = model.train()(images)
        loss = F.cross_entropy(scores, target)
        if auxiliary is not None:
            loss = loss + F.cross_entropy(auxiliary, target)
    loss.backward()
    return gradients(model)


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    found = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
        found[name] = parameter.grad
    return found


@pytest.mark.parametrize("run", _MINI.runs)
def test_every_parameter_of_a_run_gets_a_gradient(mini: Spec, enliven: Enliven, run: str) -> None:
    torch.manual_seed(0)
    model = enliven(build(mini.model(run)))
    assert isinstance(model, Segmenter)
    backward(model)


@pytest.mark.parametrize("backbone", _MINI.backbones)
def test_every_parameter_of_a_backbone_gets_a_gradient(mini: Spec, enliven: Enliven, backbone: str) -> None:
    """In the pretraining: the network's own classifier and, with semantic supervision, one a supervised level."""
    torch.manual_seed(0)
    model = enliven(build_classifier(mini.backbone(backbone), 5))
    logits, auxiliary = model.train()(torch.randn(4, 3, 40, 40))
    assert set(auxiliary) == ({1, 2, 3} if mini.backbones[backbone].semantic_supervision else set())
    target = torch.tensor([0, 1, 2, 3])
    sum((F.cross_entropy(out, target) for out in auxiliary.values()), F.cross_entropy(logits, target)).backward()
    assert any(name.startswith("backbone.fc.") for name in gradients(model))


@pytest.mark.parametrize("levels", SUBSETS)
@pytest.mark.parametrize("upsampling", list(Upsampling))
@pytest.mark.parametrize("prediction", list(Prediction))
def test_every_parameter_gets_a_gradient_in_any_mixture(
    model_spec: SpecMaker, enliven: Enliven, levels: tuple[int, ...], upsampling: Upsampling, prediction: Prediction
) -> None:
    for tap, semantic_embedding in product(Tap, (False, True)):
        torch.manual_seed(0)
        options = {"tap": tap, "semantic_embedding": semantic_embedding}
        model = enliven(build(model_spec(levels=levels, upsampling=upsampling, prediction=prediction, **options)))
        assert isinstance(model, Segmenter)
        backward(model)


def test_bfloat16_gradients_point_where_those_of_float32_do(mini: Spec, enliven: Enliven) -> None:
    """The decoder's; of an encoder with batch norm over two images a good part is rounding."""
    torch.manual_seed(0)
    model = enliven(build(mini.model("exfuse")))
    assert isinstance(model, Segmenter)
    exact = {name: gradient.clone() for name, gradient in backward(model).items() if name.startswith("decoder.")}
    model.zero_grad()
    rounded = backward(model, torch.bfloat16)
    one, other = (torch.cat([found[name].flatten() for name in exact]) for found in (exact, rounded))
    assert F.cosine_similarity(one, other, dim=0) > 0.99
