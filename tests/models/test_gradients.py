"""Every parameter is trained: of each run and backbone that ``params/`` declares, and of every mixture of switches.

And each term of a loss, taken alone, trains the parts that it reads and no other.
"""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exfuse.models import build, build_classifier
from exfuse.models.segmenter import Segmenter
from exfuse.spec.load import load
from exfuse.spec.model import BackboneSpec, Prediction, Tap, Upsampling
from exfuse.spec.spec import Spec
from tests.conftest import ROOT
from tests.models.conftest import SUBSETS, Enliven, SpecMaker
from tests.networks import EXFUSE

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


# --- one term alone ---


def reached(model: nn.Module) -> set[str]:
    """Parameters whose gradients are not all zeros."""
    return {name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()}


def parts(model: nn.Module, *names: str) -> set[str]:
    """Parameters of modules, each of which has some."""
    found = {name: {key for key, _ in model.named_parameters() if key.startswith(f"{name}.")} for name in names}
    assert all(found.values()), found
    return set().union(*found.values())


def encoder(level: int) -> list[str]:
    """Stem and stages up to a level."""
    return ["backbone.conv1", "backbone.bn1", *(f"backbone.layer{stage}" for stage in range(1, level + 1))]


@pytest.mark.parametrize("level", [1, 2, 3, None])
def test_a_head_trains_itself_and_the_encoder_up_to_its_stage(
    backbone_spec: BackboneSpec, enliven: Enliven, level: int | None
) -> None:
    """None: the network's own classifier."""
    torch.manual_seed(0)
    model = enliven(build_classifier(backbone_spec, 5))
    logits, auxiliary = model.train()(torch.randn(4, 3, 64, 64))
    F.cross_entropy(logits if level is None else auxiliary[level], torch.tensor([0, 1, 2, 3])).backward()
    names = [*encoder(4), "backbone.fc"] if level is None else [*encoder(level), f"semantic_supervision.{level}"]
    assert reached(model) == parts(model, *names)


@pytest.mark.parametrize("tap", list(Tap))
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_features_of_a_level_train_the_encoder_up_to_it(
    model_spec: SpecMaker, enliven: Enliven, tap: Tap, level: int
) -> None:
    """And the two convolutions that they are tapped from; the other levels would train the lower stages anyway."""
    torch.manual_seed(0)
    model = enliven(build(model_spec(tap=tap)))
    assert isinstance(model, Segmenter)
    features = model.train().features(torch.randn(2, 3, 64, 64))[level]
    features.backward(torch.randn(features.shape))
    tapped = tap is Tap.SS_CONVOLUTION and level < 4
    assert reached(model) == parts(model, *encoder(level), *([f"semantic_supervision.{level}"] if tapped else []))


@pytest.mark.parametrize(
    ("upsampling", "layer"), [("ecre", "decoder.upsample.16.conv"), ("deconvolution-supervised", "decoder.upsample.16")]
)
def test_the_auxiliary_loss_trains_the_top_level_up_to_its_upsampling(
    model_spec: SpecMaker, enliven: Enliven, upsampling: str, layer: str
) -> None:
    torch.manual_seed(0)
    model = enliven(build(model_spec(**{**EXFUSE, "upsampling": upsampling})))
    auxiliary = model.train()(torch.randn(2, 3, 64, 64)).auxiliary
    F.cross_entropy(auxiliary, torch.randint(0, model.spec.num_classes, (2, 64, 64))).backward()
    assert reached(model) == parts(model, *encoder(4), "decoder.gcn.4", "decoder.refine_level.4", layer)
