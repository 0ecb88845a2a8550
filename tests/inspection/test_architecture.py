"""What is traced from the networks, against a small one worked out by hand and against the paper's equations."""

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from exfuse.commands import trace as command
from exfuse.data.mini.vocabulary import IN_IMAGENET
from exfuse.inspection import tracing
from exfuse.inspection.architecture import pretraining_network, segmentation_network
from exfuse.models import build
from exfuse.spec.architecture import Architecture, Network, Part
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph
from exfuse.spec.graph.inspection import pretraining_classes
from exfuse.spec.load import load
from tests import networks
from tests.networks import CLASSES

SIZE = 64
SUM = "decoder: sum at stride {}"
RESIZING = "network: bilinear resizing at stride 1"


def traced(size: int = SIZE, **options: Any) -> Network:
    torch.manual_seed(0)
    return segmentation_network(build(networks.exfuse(**options)), size)


@pytest.fixture(scope="module")
def exfuse() -> Network:
    return traced()


def parts(network: Network) -> dict[str, tuple[Part, str]]:
    return {block.id: (block.part, block.size) for block in network.blocks}


def test_blocks_of_exfuse_are_those_worked_out_by_hand(exfuse: Network) -> None:
    wide = CLASSES * 9
    expected = {
        "image": (Part.IMAGE, "64×64×3"),
        "backbone.conv1": (Part.STEM, "32×32×8"),
        "backbone.maxpool": (Part.POOLING, "16×16×8"),
        "backbone.layer1": (Part.STAGE, "16×16×16"),
        "backbone.layer2": (Part.STAGE, "8×8×16"),
        "backbone.layer3": (Part.STAGE, "4×4×24"),
        "backbone.layer4": (Part.STAGE, "2×2×32"),
        "semantic_supervision.1": (Part.SS, "16×16×8"),
        "semantic_supervision.2": (Part.SS, "8×8×8"),
        "semantic_supervision.3": (Part.SS, "4×4×12"),
        "decoder.semantic_embedding.1": (Part.SEB, "16×16×8"),
        "decoder.semantic_embedding.2": (Part.SEB, "8×8×8"),
        "decoder.semantic_embedding.3": (Part.SEB, "4×4×12"),
        "decoder.upsample.16": (Part.SUBPIXEL, f"4×4×{wide}"),
        "decoder.auxiliary": (Part.DAP, f"4×4×{CLASSES}"),
        RESIZING: (Part.RESIZING, f"64×64×{CLASSES}"),
        "decoder.predict": (Part.DAP, f"64×64×{CLASSES}"),
        "output 0": (Part.OUTPUT, f"64×64×{CLASSES}"),
        "output 1": (Part.AUXILIARY_OUTPUT, f"64×64×{CLASSES}"),
    }
    for level, side in ((1, 16), (2, 8), (3, 4), (4, 2)):
        expected[f"decoder.gcn.{level}"] = (Part.GCN, f"{side}×{side}×{wide}")
        expected[f"decoder.refine_level.{level}"] = (Part.BR, f"{side}×{side}×{wide}")
    for stride in (16, 8, 4):
        expected[SUM.format(stride)] = (Part.SUM, f"{64 // stride}×{64 // stride}×{wide}")
    for stride in (8, 4, 2, 1):
        expected[f"decoder.upsample.{stride}"] = (Part.DECONVOLUTION, f"{64 // stride}×{64 // stride}×{wide}")
    for stride in (16, 8, 4, 2, 1):
        expected[f"decoder.refine_fused.{stride}"] = (Part.BR, f"{64 // stride}×{64 // stride}×{wide}")
    assert parts(exfuse) == expected


def test_edges_of_exfuse_are_those_of_figure_2(exfuse: Network) -> None:
    encoder = ["image", "backbone.conv1", "backbone.maxpool", *(f"backbone.layer{level}" for level in (1, 2, 3, 4))]
    expected = set(pairwise(encoder))
    features = {4: "backbone.layer4"} | {level: f"semantic_supervision.{level}" for level in (1, 2, 3)}
    for level in (1, 2, 3):
        branch = f"decoder.semantic_embedding.{level}"
        expected |= {(f"backbone.layer{level}", features[level]), (branch, f"decoder.gcn.{level}")}
        expected |= {(features[other], branch) for other in range(level, 5)}  # Equation 2: all levels from l on
    expected |= {("backbone.layer4", "decoder.gcn.4"), ("decoder.refine_level.4", "decoder.upsample.16")}
    expected |= {(f"decoder.gcn.{level}", f"decoder.refine_level.{level}") for level in (1, 2, 3, 4)}
    for level, stride in ((3, 16), (2, 8), (1, 4)):  # Equation 1
        expected |= {(f"decoder.upsample.{stride}", SUM.format(stride))}
        expected |= {(f"decoder.refine_level.{level}", SUM.format(stride))}
        expected |= {(SUM.format(stride), f"decoder.refine_fused.{stride}")}
    expected |= {(f"decoder.upsample.{stride}", f"decoder.refine_fused.{stride}") for stride in (2, 1)}
    expected |= {(f"decoder.refine_fused.{2 * stride}", f"decoder.upsample.{stride}") for stride in (8, 4, 2, 1)}
    expected |= {("decoder.refine_fused.1", "decoder.predict"), ("decoder.predict", "output 0")}
    expected |= {("decoder.upsample.16", "decoder.auxiliary"), ("decoder.auxiliary", RESIZING), (RESIZING, "output 1")}
    assert set(exfuse.edges) == expected
    assert len(exfuse.edges) == len(expected)


def test_blocks_hold_every_parameter_once(exfuse: Network) -> None:
    count = sum(parameter.numel() for parameter in build(networks.exfuse()).parameters())
    assert sum(block.parameters for block in exfuse.blocks) == count


def test_stages_count_their_residual_blocks(exfuse: Network) -> None:
    assert [block.residual_blocks for block in exfuse.of(Part.STAGE)] == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("options", "gone", "edges"),
    [
        ({"semantic_embedding": False}, {Part.SEB}, {("semantic_supervision.1", "decoder.gcn.1")}),
        ({"tap": "tail"}, {Part.SS}, {("backbone.layer1", "decoder.semantic_embedding.1")}),
        ({"upsampling": "sub-pixel"}, {Part.RESIZING, Part.AUXILIARY_OUTPUT}, set()),
        ({"upsampling": "deconvolution"}, {Part.SUBPIXEL, Part.RESIZING, Part.AUXILIARY_OUTPUT}, set()),
        (
            {"upsampling": "deconvolution-supervised"},
            {Part.SUBPIXEL},
            {("decoder.upsample.16", "decoder.auxiliary"), (RESIZING, "output 1")},
        ),
        (
            {"prediction": "plain"},
            {Part.DAP},
            {("decoder.refine_fused.1", "output 0"), ("decoder.upsample.16", RESIZING)},
        ),
        ({"levels": (3, 4)}, set(), {("decoder.upsample.8", "decoder.refine_fused.8")}),
        ({"levels": (4,)}, {Part.SS, Part.SEB, Part.SUM}, {("decoder.upsample.16", "decoder.refine_fused.16")}),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_switch_changes_what_is_traced(
    exfuse: Network, options: dict[str, Any], gone: set[Part], edges: set[tuple[str, str]]
) -> None:
    network = traced(**options)
    before, after = ({block.part for block in one.blocks} for one in (exfuse, network))
    assert before - after == gone
    assert edges <= set(network.edges)
    assert not edges & set(exfuse.edges) or options.get("upsampling") == "deconvolution-supervised"


def test_wide_prediction_ends_in_a_projection_and_its_auxiliary_loss_in_dap() -> None:
    network = traced(prediction="wide")
    assert network.block("decoder.predict").part is Part.PROJECTION
    assert [block.id for block in network.of(Part.DAP)] == ["decoder.auxiliary"]


def test_omitted_levels_have_no_blocks() -> None:
    network = traced(levels=(3, 4))
    levels = {block.level for block in network.blocks if block.part in (Part.SS, Part.SEB, Part.GCN, Part.SUM)}
    assert levels == {3, 4}


def test_proposed_is_what_the_baseline_does_not_have() -> None:
    gcn = {"tap": "tail", "upsampling": "deconvolution", "semantic_embedding": False, "prediction": "plain"}
    baseline = traced(**gcn)
    assert not any(block.proposed for block in baseline.blocks)
    network = segmentation_network(build(networks.exfuse()), SIZE, baseline)
    proposed = {block.id for block in network.blocks if block.proposed}
    heads = {
        f"{part}.{level}" for part in ("semantic_supervision", "decoder.semantic_embedding") for level in (1, 2, 3)
    }
    ends = {"decoder.upsample.16", "decoder.auxiliary", "decoder.predict", RESIZING, "output 1"}
    assert proposed == heads | ends


def test_operations_of_the_lowest_branch_multiply_all_higher_levels(exfuse: Network) -> None:
    branch = exfuse.block("decoder.semantic_embedding.1")
    assert [operation.name for operation in branch.operations] == ["conv 3×3", "bilinear", "×"] * 3
    assert [operation.shape for operation in branch.operations[::3]] == [(8, 8, 8), (4, 4, 8), (2, 2, 8)]
    assert {operation.shape for operation in branch.operations[1::3]} == {(16, 16, 8)}
    sources = [operation.inputs for operation in branch.operations[::3]]
    assert sources == [("semantic_supervision.2",), ("semantic_supervision.3",), ("backbone.layer4",)]
    first, second = branch.operations[2], branch.operations[5]
    assert set(first.inputs) == {"semantic_supervision.1", branch.operations[1].id}
    assert set(second.inputs) == {first.id, branch.operations[4].id}


def test_operations_of_ecre_have_four_times_the_channels_before_the_shuffle(exfuse: Network) -> None:
    first, second = exfuse.block("decoder.upsample.16").operations
    assert (first.name, first.shape) == ("conv 3×3", (2, 2, 4 * 27))
    assert (second.name, second.shape, second.inputs) == ("pixel shuffle", (4, 4, 27), (first.id,))


def test_deconvolutions_are_traced_with_their_kernel() -> None:
    (operation,) = traced(upsampling="deconvolution").block("decoder.upsample.16").operations
    assert operation.name == "deconv 4×4"


def test_images_that_are_no_multiple_of_32_keep_the_strides() -> None:
    network = traced(size=48)
    assert network.block("backbone.layer4").size == "2×2×32"  # of 48 pixels, padded to 64
    assert [block.stride for block in network.of(Part.STAGE)] == [4, 8, 16, 32]
    assert network.of(Part.OUTPUT)[0].size == f"48×48×{CLASSES}"


def test_a_graph_that_says_other_shapes_than_the_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def otherwise(network: torch.nn.Module, images: torch.Tensor) -> Any:
        return {"decoder.gcn.4": [(2, 2, 26)]}

    monkeypatch.setattr(tracing, "real_shapes", otherwise)
    with pytest.raises(AssertionError, match=r"decoder\.gcn\.4 gave \(2, 2, 26\)"):
        traced()


def test_real_shapes_are_those_that_modules_give() -> None:
    network = build(networks.exfuse()).eval()
    shapes = tracing.real_shapes(network, torch.zeros(1, 3, SIZE, SIZE))
    features = network.features(torch.zeros(1, 3, SIZE, SIZE))
    for level, tensor in features.items():
        path = "backbone.layer4" if level == 4 else f"semantic_supervision.{level}.relu"
        _, channels, height, width = tensor.shape
        assert shapes[path][-1] == (height, width, channels)
    assert not any(module._forward_hooks for module in network.modules())


def test_tracing_leaves_the_weights_and_statistics() -> None:
    network = build(networks.exfuse())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    segmentation_network(network, SIZE)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_pretraining_has_a_head_at_the_tail_of_each_supervised_stage() -> None:
    network = pretraining_network(networks.backbone(squeeze_excitation=True), 40, 7)
    for level in (1, 2, 3):
        head = network.block(f"semantic_supervision.{level}")
        assert head.shape == (7,)
        assert [block.id for block in network.before(head)] == [f"backbone.layer{level}"]
        names = [operation.name for operation in head.operations]
        assert names == ["conv 3×3", "BN", "ReLU"] * 2 + ["global average pooling", "linear"]
    assert [block.id for block in network.before(network.block("backbone.fc"))] == ["backbone.layer4"]
    assert [block.size for block in network.of(Part.STAGE)] == ["10×10×16", "5×5×16", "3×3×24", "2×2×32"]
    assert [block.stride for block in network.of(Part.STAGE)] == [4, 8, 16, 32]


def test_without_supervision_there_is_one_classifier() -> None:
    network = pretraining_network(networks.backbone(semantic_supervision=None), 40, 7)
    assert not network.of(Part.SS)
    assert len(network.of(Part.OUTPUT)) + len(network.of(Part.AUXILIARY_OUTPUT)) == 1


def test_the_verb_writes_what_the_job_promises(repo_root: Path, tmp_path: Path) -> None:
    graph = Graph(dataclasses.replace(load(repo_root, "smoke"), root=tmp_path))
    command.run(graph)
    job = graph.job("models/architecture")
    found = Architecture.model_validate_json(graph.layout.architecture.read_text())
    assert has_expected_key(job) and found.key == job.key
    assert found.network.of(Part.OUTPUT)[0].shape[-1] == len(graph.spec.classes)
    proposed = {block.part for block in found.network.blocks if block.proposed}
    assert {Part.SS, Part.SEB, Part.SUBPIXEL, Part.DAP} <= proposed
    assert {Part.GCN, Part.BR, Part.STAGE, Part.DECONVOLUTION}.isdisjoint(proposed)


def test_classes_of_the_pretraining_are_those_of_the_presets_imagenet(repo_root: Path) -> None:
    assert pretraining_classes(load(repo_root, "mini")) == len(IN_IMAGENET)
    assert pretraining_classes(load(repo_root, "paper")) == 1000
