"""Costs against numbers worked out by hand and the designs that the paper names."""

import pytest
from torch import nn

from exfuse.inspection.costs import classifier, macs, on_meta, parameters, segmenter
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec

RESNEXT = {"cardinality": 32, "base_width": 4}
LAYOUTS = [(3, 4, 23, 3), (8, 8, 9, 8)]


def test_a_convolution_and_a_classifier_by_hand() -> None:
    model = on_meta(lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 16, 5)))
    assert parameters(model) == 8 * 3 * 9 + 8 + 5 * 8 * 16 + 5
    assert macs(model, 4) == 16 * 8 * 3 * 9 + 5 * 8 * 16


def test_groups_and_transposed_convolutions_by_hand() -> None:
    grouped = on_meta(lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4))
    assert macs(grouped, 5, channels=8) == 25 * 8 * 2 * 9
    deconvolution = on_meta(lambda: nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1))
    assert macs(deconvolution, 5, channels=2) == 25 * 2 * 3 * 16  # each input pixel is spread over 16


def test_nothing_is_allocated_and_statistics_are_no_parameters() -> None:
    model = on_meta(lambda: nn.BatchNorm2d(6))
    assert all(tensor.is_meta for tensor in model.state_dict().values())
    assert not model.training
    assert parameters(model) == 12


@pytest.mark.parametrize("blocks", LAYOUTS)
def test_an_identity_block_costs_the_same_in_every_stage(blocks: tuple[int, int, int, int]) -> None:
    """1×1, grouped 3×3 and 1×1 convolution of 256·s, 128·s and 256·s channels on a map of (56/s)² pixels."""
    model = classifier(BackboneSpec(blocks=blocks, **RESNEXT))
    by_hand = 56**2 * (256 * 128 + 128 * 128 // 32 * 9 + 128 * 256)
    for level in range(1, 5):
        block = model.backbone.get_submodule(f"layer{level}.1")
        assert macs(block, 224 // 2 ** (level + 1), 128 * 2**level) == by_hand


def test_rearranged_blocks_cost_the_same_to_the_last_operation() -> None:
    plain, rearranged = (classifier(BackboneSpec(blocks=blocks, **RESNEXT)) for blocks in LAYOUTS)
    assert macs(plain, 224) == macs(rearranged, 224)
    assert parameters(rearranged) > parameters(plain)


def test_a_segmenter_is_its_encoder_and_its_decoder() -> None:
    spec = ModelSpec(
        backbone=BackboneSpec(blocks=(1, 1, 1, 1), channels=(8, 8, 8, 8)),
        decoder=DecoderSpec(levels=(4,), gcn_kernel=3),
        num_classes=3,
    )
    model = segmenter(spec)
    gcn = 2 * (32 * 3 * 3 + 3 * 3 * 3)  # on the 2×2 map of a 64² image, two branches of two convolutions
    refinement, deconvolution = 2 * 3 * 3 * 9, 3 * 3 * 16
    decoder = 4 * (gcn + refinement)
    for pixels in (4, 16, 64, 256, 1024):  # read by the five deconvolutions, each followed by a refinement
        decoder += pixels * deconvolution + 4 * pixels * refinement
    assert macs(model, 64) - macs(on_meta(lambda: segmenter(spec).backbone), 64) == decoder
    assert parameters(model) > parameters(model.backbone)
