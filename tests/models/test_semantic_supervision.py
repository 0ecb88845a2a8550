"""Semantic supervision: heads, taps and the classifier of the pretraining."""

import torch
from torch.nn import functional as F

from exfuse.models import build_classifier
from exfuse.models.semantic_supervision import SemanticSupervisionHead
from exfuse.spec.model import BackboneSpec, SemanticSupervisionSpec


def reference(head: SemanticSupervisionHead, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(tap, logits) of a head in evaluation mode, from its state dict."""
    weights = head.state_dict()
    for index in "12":
        x = F.conv2d(x, weights[f"conv{index}.weight"], padding=1)
        mean, variance, scale, shift = (
            weights[f"bn{index}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = ((x - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)
    return x, x.sum(dim=(2, 3)) / (x.shape[2] * x.shape[3]) @ weights["fc.weight"].T + weights["fc.bias"]


def test_head_taps_after_the_second_convolution(enliven) -> None:  # type: ignore[no-untyped-def]
    head = enliven(SemanticSupervisionHead(4, 6, num_classes=3)).double().eval()
    x = torch.randn(2, 4, 5, 7, dtype=torch.float64)
    tap, logits = reference(head, x)
    torch.testing.assert_close(head.tap(x), tap)
    torch.testing.assert_close(head(x), logits)
    assert tap.shape == (2, 6, 5, 7)


def test_classifier_has_one_head_a_level_and_its_own(backbone_spec: BackboneSpec) -> None:
    model = build_classifier(backbone_spec, 5)
    logits, auxiliary = model(torch.randn(2, 3, 64, 64))
    assert logits.shape == (2, 5)
    assert {level: tuple(out.shape) for level, out in auxiliary.items()} == {1: (2, 5), 2: (2, 5), 3: (2, 5)}
    assert {name.split(".")[0] for name in model.state_dict()} == {"backbone", "semantic_supervision"}
    assert model.semantic_supervision["3"].conv2.weight.shape == (12, 12, 3, 3)  # half of 24


def test_classifier_reads_each_head_from_its_own_stage(backbone_spec: BackboneSpec) -> None:
    model = build_classifier(backbone_spec, 5).eval()
    images = torch.randn(1, 3, 64, 64)
    logits, auxiliary = model(images)
    tails = model.backbone.features(images)
    torch.testing.assert_close(logits, model.backbone(images))
    for level, out in auxiliary.items():
        torch.testing.assert_close(out, model.semantic_supervision[str(level)](tails[level - 1]))


def test_every_parameter_of_the_classifier_gets_a_gradient(backbone_spec: BackboneSpec, enliven) -> None:  # type: ignore[no-untyped-def]
    model = enliven(build_classifier(backbone_spec, 5))
    logits, auxiliary = model(torch.randn(4, 3, 64, 64))
    target = torch.tensor([0, 1, 2, 3])
    sum((F.cross_entropy(out, target) for out in auxiliary.values()), F.cross_entropy(logits, target)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_without_supervision_there_are_no_heads(backbone_spec: BackboneSpec) -> None:
    model = build_classifier(backbone_spec.model_copy(update={"semantic_supervision": None}), 5)
    assert model(torch.randn(2, 3, 64, 64)).auxiliary == {}
    assert all(name.startswith("backbone.") for name in model.state_dict())


def test_supervised_levels_and_widths_follow_the_spec(backbone_spec: BackboneSpec) -> None:
    supervision = SemanticSupervisionSpec(levels=(2, 4), width_ratio=0.01)
    model = build_classifier(backbone_spec.model_copy(update={"semantic_supervision": supervision}), 5)
    assert list(model(torch.randn(2, 3, 64, 64)).auxiliary) == [2, 4]
    assert model.semantic_supervision["4"].conv1.out_channels == 1
