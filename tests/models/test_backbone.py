"""The encoders against timm's own networks of those names: keys, strict loading, outputs."""

import pytest
import timm
import torch
from timm.layers.squeeze_excite import SEModule

from exfuse.models.backbone import Backbone
from exfuse.models.bottleneck import SqueezeExcitation
from exfuse.spec.load import load
from exfuse.spec.model import BackboneSpec
from tests.conftest import ROOT
from tests.models.conftest import RESNET_50, RESNET_101, RESNEXT_101, Enliven

AGAINST_TIMM = [
    (RESNET_50, "resnet50"),
    (RESNET_101, "resnet101"),
    (RESNEXT_101, "resnext101_32x4d"),
    (RESNEXT_101.model_copy(update={"squeeze_excitation": True}), "seresnext101_32x4d"),
]


@pytest.mark.parametrize(("spec", "name"), AGAINST_TIMM)
def test_same_state_dict_as_timm(spec: BackboneSpec, name: str) -> None:
    with torch.device("meta"):
        ours, theirs = Backbone(spec, 1000).state_dict(), timm.create_model(name).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: t.shape for key, t in theirs.items()}
    encoder = set(Backbone(spec.model_copy(update={"blocks": (1, 1, 1, 1)})).state_dict())
    assert not {key for key in encoder if key.startswith("fc.")}


@pytest.mark.parametrize(("spec", "name"), AGAINST_TIMM)
def test_same_outputs_as_timm(spec: BackboneSpec, name: str, enliven: Enliven) -> None:
    torch.manual_seed(0)
    theirs = enliven(timm.create_model(name, num_classes=7)).eval()
    ours = Backbone(spec, 7).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
        assert torch.equal(ours.classify(ours.features(images)[-1]), theirs(images))


@pytest.mark.parametrize(("spec", "name"), [AGAINST_TIMM[2], AGAINST_TIMM[3]])
def test_starts_as_timms(spec: BackboneSpec, name: str) -> None:
    """Tensors that are constant are equal, the others of one spread, where they are large enough to tell."""
    torch.manual_seed(0)
    ours, theirs = Backbone(spec, 1000).state_dict(), timm.create_model(name).state_dict()
    compared = 0
    for key, tensor in theirs.items():
        if tensor.float().std(correction=0) == 0:
            assert torch.equal(ours[key], tensor), key
        elif tensor.numel() > 10_000:
            compared += 1
            assert ours[key].std().item() == pytest.approx(tensor.std().item(), rel=0.05), key
    assert compared >= 100


def test_squeezed_channels_are_timms() -> None:
    with torch.device("meta"):
        for channels in range(4, 2049, 4):
            assert SqueezeExcitation(channels).fc1.weight.shape == SEModule(channels).fc1.weight.shape


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


# --- public weights -----------------------------------------------------------------------------------------------

_VOC = load(ROOT, "voc")


@pytest.mark.parametrize("name", [name for name, declared in _VOC.backbones.items() if declared.public_weights])
def test_public_weights_are_declared_as_timm_describes_them(name: str) -> None:
    """Of the declared architecture, with ImageNet's classes, and trained with the declared mean and deviation."""
    declared = _VOC.backbones[name]
    published = timm.get_pretrained_cfg(str(declared.public_weights))
    assert published is not None
    assert published.num_classes == 1000
    assert (_VOC.normalization(name).mean, _VOC.normalization(name).std) == (published.mean, published.std)
    with torch.device("meta"):
        ours = Backbone(_VOC.backbone(name), 1000).state_dict()
        theirs = timm.create_model(published.architecture).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: t.shape for key, t in theirs.items()}
