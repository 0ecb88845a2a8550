"""Parameters and multiply-accumulate operations: the cited papers' networks, and the paper's rearrangement."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from exfuse.models import build
from exfuse.models.backbone import Backbone
from exfuse.models.semantic_supervision import Classifier
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec
from tests.models.conftest import REARRANGED, RESNET_50, RESNET_101, RESNEXT_101, RESNEXT_131
from tests.networks import EXFUSE


def gmac(model: nn.Module, size: int) -> float:
    """Multiply-accumulate operations of one square image, in thousand millions; no memory, no arithmetic."""
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("spec", "millions", "operations"),
    [
        (RESNET_50, 25.557, 4.089),
        (RESNET_101, 44.549, 7.801),
        (RESNEXT_101, 44.178, 7.970),
        (REARRANGED, 52.381, 7.970),
        (RESNEXT_131, 70.702, 10.177),
    ],
)
def test_parameters_and_operations(spec: BackboneSpec, millions: float, operations: float) -> None:
    with torch.device("meta"):
        model = Backbone(spec, 1000)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)
    assert gmac(model, 224) == pytest.approx(operations, abs=5e-4)


def identity_block(planes: int, cardinality: int, base_width: int, size: int) -> int:
    """Operations of a bottleneck with its shortcut left alone: 1×1 in, grouped 3×3, 1×1 out."""
    width = planes * base_width // 64 * cardinality
    return size**2 * (4 * planes * width + 9 * width**2 // cardinality + width * 4 * planes)


@pytest.mark.parametrize("spec", [RESNET_101, RESNEXT_101, REARRANGED])
def test_an_identity_block_costs_the_same_in_every_stage(spec: BackboneSpec) -> None:
    """Why {8, 8, 9, 8} costs what {3, 4, 23, 3} does at unchanged widths (§3.1): 33 blocks, 29 of them such."""
    with torch.device("meta"):
        model = Backbone(spec, 1000)
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 224, 224, device="meta"))
    counted = {name: sum(flops.values()) / 2 for name, flops in counter.get_flop_counts().items()}
    costs = {
        counted[f"Backbone.layer{stage}.{block}"]
        for stage, blocks in enumerate(spec.blocks, start=1)
        for block in range(1, blocks)
    }
    assert costs == {identity_block(64, spec.cardinality, spec.base_width, 56)}
    assert {identity_block(64 << level, spec.cardinality, spec.base_width, 56 >> level) for level in range(4)} == costs
    assert sum(blocks - 1 for blocks in spec.blocks) == 29


def test_semantic_supervision_as_wide_as_its_stages_costs_11_gmac() -> None:
    supervised = REARRANGED.model_copy(update={"semantic_supervision": SemanticSupervisionSpec(width_ratio=1.0)})
    with torch.device("meta"):
        model = Classifier(supervised, 1000)
    assert gmac(model, 224) == pytest.approx(19.1, abs=0.05)


@pytest.mark.parametrize(
    ("backbone", "operations"), [(RESNET_50, 21.353), (RESNET_101, 40.7), (RESNEXT_101, 41.6), (RESNEXT_131, 53.1)]
)
def test_encoders_at_the_size_of_fine_tuning(backbone: BackboneSpec, operations: float) -> None:
    with torch.device("meta"):
        model = Backbone(backbone)
    assert gmac(model, 512) == pytest.approx(operations, abs=0.06)


@pytest.mark.parametrize(
    ("options", "operations"),
    [({}, 21.353 + 8.8), ({"prediction": "dap"}, 21.353 + 356.3)],
)
def test_decoder_operations_at_paper_size(options: dict, operations: float) -> None:
    with torch.device("meta"):
        model = build(ModelSpec(backbone=RESNET_50, decoder=DecoderSpec(**options))).eval()
    assert gmac(model, 512) == pytest.approx(operations, rel=1e-3)


def test_exfuse_operations_at_paper_size() -> None:
    backbone = REARRANGED.model_copy(update={"semantic_supervision": SemanticSupervisionSpec(width_ratio=1.0)})
    with torch.device("meta"):
        model = build(ModelSpec(backbone=backbone, decoder=DecoderSpec(**EXFUSE))).eval()
    assert gmac(model, 512) == pytest.approx(477, abs=0.6)
