"""Folded batch norm against the network that it was folded from, and against torchvision's and timm's networks."""

import copy

import pytest
import timm
import torch
from torch import nn
from torchvision.models.segmentation import fcn_resnet50

from benchmarks.folding import folded
from exfuse.models import build, build_classifier
from tests.networks import EXFUSE, backbone, enliven, exfuse, gcn


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("options", [{}, EXFUSE])
@pytest.mark.parametrize("squeeze_excitation", [False, True])
def test_segmenter_predicts_the_same(options: dict[str, object], squeeze_excitation: bool) -> None:
    torch.manual_seed(0)
    spec = gcn(**options).model_copy(update={"backbone": backbone(squeeze_excitation=squeeze_excitation)})
    model = enliven(build(spec)).double().eval()
    images = torch.randn(2, 3, 40, 70, dtype=torch.float64)
    expected = model(images).scores
    assert norms(model) > 0
    torch.testing.assert_close(folded(model)(images).scores, expected, rtol=1e-10, atol=1e-12)


def test_classifier_predicts_the_same() -> None:
    torch.manual_seed(0)
    model = enliven(build_classifier(backbone(), 5)).double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    expected, actual = model(images), folded(model)(images)
    torch.testing.assert_close(actual.logits, expected.logits, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(actual.auxiliary, expected.auxiliary, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("peer", ["timm", "torchvision"])
def test_networks_of_other_libraries_predict_the_same(peer: str) -> None:
    torch.manual_seed(0)
    if peer == "timm":
        model = timm.create_model("resnet26", pretrained=False)
    else:
        model = fcn_resnet50(weights=None, weights_backbone=None, num_classes=3)
    model = enliven(model).double().eval()
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected, actual = model(images), folded(model)(images)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_leaves_the_model_as_it_was() -> None:
    model = enliven(build(exfuse())).train()
    before, modules = copy.deepcopy(model.state_dict()), norms(model)
    small = folded(model)
    assert model.training and norms(model) == modules
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert norms(small) == 0 and not any(module.training for module in small.modules())


def test_keeps_channels_last() -> None:
    model = folded(enliven(build(gcn())).to(memory_format=torch.channels_last))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.is_contiguous(memory_format=torch.channels_last)


def test_refuses_a_norm_that_reads_no_convolution() -> None:
    with pytest.raises(ValueError, match="cannot fold 1"):
        folded(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)))
