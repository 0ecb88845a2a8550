"""The encoders against timm's own and against the paper's numbers of parameters and operations."""

from collections.abc import Callable

import pytest
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from exfuse.models.backbone import Backbone
from exfuse.models.semantic_supervision import Classifier
from exfuse.spec.model import BackboneSpec, SemanticSupervisionSpec

RESNEXT = {"cardinality": 32, "base_width": 4}
RESNET_50 = BackboneSpec(blocks=(3, 4, 6, 3))
RESNET_101 = BackboneSpec(blocks=(3, 4, 23, 3))
RESNEXT_101 = BackboneSpec(blocks=(3, 4, 23, 3), **RESNEXT)
REARRANGED = BackboneSpec(blocks=(8, 8, 9, 8), **RESNEXT)
RESNEXT_131 = BackboneSpec(blocks=(8, 8, 19, 8), squeeze_excitation=True, **RESNEXT)

AGAINST_TIMM = [(RESNET_50, "resnet50"), (RESNET_101, "resnet101"), (RESNEXT_101, "resnext101_32x4d")]


def gmac(model: nn.Module, size: int) -> float:
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("spec", "millions", "operations"),
    [(RESNEXT_101, 44.178, 7.970), (REARRANGED, 52.381, 7.970), (RESNEXT_131, 70.702, 10.177)],
)
def test_parameters_and_operations(spec: BackboneSpec, millions: float, operations: float) -> None:
    with torch.device("meta"):
        model = Backbone(spec, 1000)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)
    assert gmac(model, 224) == pytest.approx(operations, abs=5e-4)


def test_semantic_supervision_as_wide_as_its_stages_costs_11_gmac() -> None:
    supervised = REARRANGED.model_copy(update={"semantic_supervision": SemanticSupervisionSpec(width_ratio=1.0)})
    with torch.device("meta"):
        model = Classifier(supervised, 1000)
    assert gmac(model, 224) == pytest.approx(19.1, abs=0.05)


@pytest.mark.parametrize(("spec", "name"), AGAINST_TIMM)
def test_same_state_dict_as_timm(spec: BackboneSpec, name: str) -> None:
    with torch.device("meta"):
        ours, theirs = Backbone(spec, 1000).state_dict(), timm.create_model(name).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: t.shape for key, t in theirs.items()}
    encoder = set(Backbone(spec.model_copy(update={"blocks": (1, 1, 1, 1)})).state_dict())
    assert not {key for key in encoder if key.startswith("fc.")}


@pytest.mark.parametrize(("spec", "name"), AGAINST_TIMM)
def test_same_outputs_as_timm(spec: BackboneSpec, name: str, enliven: Callable[[nn.Module], nn.Module]) -> None:
    torch.manual_seed(0)
    theirs = enliven(timm.create_model(name, num_classes=7)).eval()
    ours = Backbone(spec, 7).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
        assert torch.equal(ours.classify(ours.features(images)[-1]), theirs(images))


def test_features_are_the_tails_of_the_stages(backbone_spec: BackboneSpec) -> None:
    model = Backbone(backbone_spec).eval()
    tails: list[torch.Tensor] = []
    for name in ("layer1", "layer2", "layer3", "layer4"):
        model.get_submodule(name).register_forward_hook(lambda module, inputs, output: tails.append(output))
    maps = model.features(torch.randn(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(2, 16, 16, 24), (2, 16, 8, 12), (2, 24, 4, 6), (2, 32, 2, 3)]
    assert all(torch.equal(ours, tail) for ours, tail in zip(maps, tails, strict=True))


def test_stem_width_is_honoured(backbone_spec: BackboneSpec) -> None:
    model = Backbone(backbone_spec)
    assert model.conv1.weight.shape == (8, 3, 7, 7)
    assert model.get_submodule("layer1.0.conv1").weight.shape[1] == 8
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 32)
    same_keys = Backbone(backbone_spec.model_copy(update={"stem_width": 64}))
    assert list(model.state_dict()) == list(same_keys.state_dict())


def test_squeeze_excitation_adds_attention_to_every_block(backbone_spec: BackboneSpec) -> None:
    plain = set(Backbone(backbone_spec).state_dict())
    with_se = set(Backbone(backbone_spec.model_copy(update={"squeeze_excitation": True})).state_dict())
    assert plain < with_se
    assert {key.rsplit(".", 3)[0] for key in with_se - plain if ".se." in key} == {
        "layer1.0", "layer2.0", "layer3.0", "layer3.1", "layer4.0",
    }  # fmt: skip
    assert all(".se." in key for key in with_se - plain)
