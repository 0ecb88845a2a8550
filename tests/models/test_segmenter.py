"""The whole network: wiring, switches, gradients, sizes."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from exfuse.models import build
from exfuse.spec.model import (
    BackboneSpec,
    DecoderSpec,
    ModelSpec,
    Prediction,
    SemanticSupervisionSpec,
    Tap,
    Upsampling,
)

SpecMaker = Callable[..., ModelSpec]

EXFUSE = {"tap": "ss-convolution", "upsampling": "ecre", "semantic_embedding": True, "prediction": "dap"}
SUBSETS = [(4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]


def parameter_names(spec: ModelSpec) -> set[str]:
    return {name for name, _ in build(spec).named_parameters()}


# --- wiring -------------------------------------------------------------------------------------------------------


def reference_decoder(
    weights: Mapping[str, torch.Tensor], x: dict[int, torch.Tensor], shuffled: bool, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(scores, first up-sampled map) of Figure 2 in functional calls, levels 4 to 1."""
    embedding = any(name.startswith("semantic_embedding.") for name in weights)

    def conv(name: str, maps: torch.Tensor) -> torch.Tensor:
        weight = weights[f"{name}.weight"]
        return F.conv2d(maps, weight, weights[f"{name}.bias"], padding=[side // 2 for side in weight.shape[2:]])

    def refine(name: str, maps: torch.Tensor) -> torch.Tensor:
        return maps + conv(f"{name}.conv2", F.relu(conv(f"{name}.conv1", maps)))

    def level(index: int) -> torch.Tensor:
        own = x[index]
        for higher in range(index + 1, 5):
            if embedding:
                guide = conv(f"semantic_embedding.{index}.embed.{higher}", x[higher])
                own = own * F.interpolate(guide, scale_factor=2 ** (higher - index), mode="bilinear")
        name = f"gcn.{index}"
        left = conv(f"{name}.left.1", conv(f"{name}.left.0", own))
        return refine(f"refine_level.{index}", left + conv(f"{name}.right.1", conv(f"{name}.right.0", own)))

    def deconvolve(stride: int, maps: torch.Tensor) -> torch.Tensor:
        return F.conv_transpose2d(maps, weights[f"upsample.{stride}.weight"], stride=2, padding=1)

    y = level(4)
    first = y = F.pixel_shuffle(conv("upsample.16.conv", y), 2) if shuffled else deconvolve(16, y)
    y = refine("refine_fused.16", y + level(3))
    y = refine("refine_fused.8", deconvolve(8, y) + level(2))
    y = refine("refine_fused.4", deconvolve(4, y) + level(1))
    y = refine("refine_fused.2", deconvolve(2, y))
    y = refine("refine_fused.1", deconvolve(1, y))
    return average_neighbours(y, k), average_neighbours(first, k)


def average_neighbours(y: torch.Tensor, k: int) -> torch.Tensor:
    """Equation 3 as a convolution with a one at each group's own offset."""
    classes = y.shape[1] // k**2
    kernel = torch.zeros(classes, y.shape[1], k, k, dtype=y.dtype)
    for c in range(classes):
        for group in range(k**2):
            kernel[c, group * classes + c, group // k, group % k] = 1 / k**2
    return F.conv2d(y, kernel, padding=k // 2)


@pytest.mark.parametrize(
    ("options", "shuffled", "k"),
    [
        ({}, False, 1),
        ({"semantic_embedding": True, "upsampling": "deconvolution-supervised"}, False, 1),
        ({"upsampling": "ecre", "semantic_embedding": True, "prediction": "dap"}, True, 3),
        ({"upsampling": "sub-pixel", "prediction": "dap", "dap_kernel": 5}, True, 5),
    ],
)
def test_decoder_is_figure_2(model_spec: SpecMaker, options: dict, shuffled: bool, k: int) -> None:
    spec = model_spec(**options)
    decoder = build(spec).decoder.double()
    generator = torch.Generator().manual_seed(5)
    for parameter in decoder.parameters():  # away from the start, where the residual branches are almost nothing
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    channels = dict(enumerate(spec.backbone.out_channels, start=1))
    x = {
        level: torch.randn(2, n, 32 >> level, 64 >> level, dtype=torch.float64, generator=generator)
        for level, n in channels.items()
    }
    with torch.no_grad():
        scores, auxiliary = decoder(x)
        expected, first = reference_decoder(decoder.state_dict(), x, shuffled, k)
    torch.testing.assert_close(scores, expected)
    assert scores.shape == (2, 3, 64, 128)
    assert (auxiliary is not None) == spec.decoder.supervised
    if auxiliary is not None:
        torch.testing.assert_close(auxiliary, first)


def test_untrained_upsampling_path_is_interpolation(model_spec: SpecMaker) -> None:
    decoder = build(model_spec()).decoder
    coarse = torch.randn(1, 3, 8, 8)
    fine, expected = coarse, coarse
    for stride in (16, 8, 4, 2, 1):
        fine = decoder.upsample[str(stride)](fine)
        expected = F.interpolate(expected, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(fine[:, :, 32:-32, 32:-32], expected[:, :, 32:-32, 32:-32])


@pytest.mark.parametrize("upsampling", list(Upsampling))
def test_the_designs_of_table_4_start_as_one_function(model_spec: SpecMaker, upsampling: Upsampling) -> None:
    plain, other = build(model_spec()).eval(), build(model_spec(upsampling=upsampling)).eval()
    own = other.state_dict()
    other.load_state_dict({**own, **{name: t for name, t in plain.state_dict().items() if name in own}})
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(other(images).scores, plain(images).scores)


def test_taps_feed_the_decoder_and_seb(model_spec: SpecMaker) -> None:
    model = build(model_spec(**EXFUSE)).eval()
    seen: dict[str, dict[int, torch.Tensor]] = {}
    model.decoder.register_forward_pre_hook(lambda module, inputs: seen.update(features=inputs[0]))
    images = torch.randn(1, 3, 64, 64)
    model(images)
    tails = model.backbone.features(images)
    for level in (1, 2, 3):
        torch.testing.assert_close(
            seen["features"][level], model.semantic_supervision[str(level)].tap(tails[level - 1])
        )
    torch.testing.assert_close(seen["features"][4], tails[3])


@pytest.mark.parametrize(
    ("options", "operations"),
    [({}, 21.353 + 8.8), ({"prediction": "dap"}, 21.353 + 356.3)],
)
def test_decoder_operations_at_paper_size(options: dict, operations: float) -> None:
    with torch.device("meta"):
        spec = ModelSpec(backbone=BackboneSpec(blocks=(3, 4, 6, 3)), decoder=DecoderSpec(**options))
        model = build(spec).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 512, 512))
    assert counter.get_total_flops() / 2e9 == pytest.approx(operations, rel=1e-3)


def test_exfuse_operations_at_paper_size() -> None:
    backbone = BackboneSpec(
        blocks=(8, 8, 9, 8), cardinality=32, base_width=4, semantic_supervision=SemanticSupervisionSpec(width_ratio=1.0)
    )
    with torch.device("meta"):
        model = build(ModelSpec(backbone=backbone, decoder=DecoderSpec(**EXFUSE))).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 512, 512))
    assert counter.get_total_flops() / 2e9 == pytest.approx(477, abs=0.6)


# --- gradients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", SUBSETS)
@pytest.mark.parametrize("upsampling", list(Upsampling))
@pytest.mark.parametrize("prediction", list(Prediction))
def test_every_parameter_gets_a_gradient(
    model_spec: SpecMaker,
    enliven: Callable[[nn.Module], nn.Module],
    levels: tuple[int, ...],
    upsampling: Upsampling,
    prediction: Prediction,
) -> None:
    for tap, semantic_embedding in product(Tap, (False, True)):
        torch.manual_seed(0)
        options = {"tap": tap, "semantic_embedding": semantic_embedding}
        model = enliven(build(model_spec(levels=levels, upsampling=upsampling, prediction=prediction, **options)))
        scores, auxiliary = model(torch.randn(2, 3, 64, 64))
        target = torch.arange(2 * 64 * 64).view(2, 64, 64) % 3
        loss = F.cross_entropy(scores, target)
        if auxiliary is not None:
            loss = loss + F.cross_entropy(auxiliary, target)
        loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.any(), name


# --- switches -----------------------------------------------------------------------------------------------------


def test_level_subsets_lose_only_their_own_branch(model_spec: SpecMaker) -> None:
    full = parameter_names(model_spec(**EXFUSE))
    for levels in SUBSETS:
        omitted = {level for level in (1, 2, 3) if level not in levels}
        gone = tuple(
            f"{part}.{level}."
            for level in omitted
            for part in ("decoder.gcn", "decoder.refine_level", "decoder.semantic_embedding", "semantic_supervision")
        )
        expected = {name for name in full if not name.startswith(gone)}
        assert parameter_names(model_spec(**EXFUSE, levels=levels)) == expected
    assert not {name for name in parameter_names(model_spec(**EXFUSE, levels=(4,))) if "semantic" in name}


def test_seb_sees_only_the_kept_levels(model_spec: SpecMaker) -> None:
    names = parameter_names(model_spec(semantic_embedding=True, levels=(1, 4)))
    embedded = {name.removeprefix("decoder.semantic_embedding.") for name in names if "semantic_embedding" in name}
    assert embedded == {"1.embed.4.weight", "1.embed.4.bias"}


@pytest.mark.parametrize(
    ("switch", "added", "removed"),
    [
        ({"tap": "ss-convolution"}, "semantic_supervision.", None),
        ({"semantic_embedding": True}, "decoder.semantic_embedding.", None),
        ({"upsampling": "ecre"}, "decoder.upsample.16.conv.", "decoder.upsample.16.weight"),
        ({"upsampling": "sub-pixel"}, "decoder.upsample.16.conv.", "decoder.upsample.16.weight"),
        ({"upsampling": "deconvolution-supervised"}, None, None),
        ({"prediction": "dap"}, None, None),
        ({"prediction": "wide"}, "decoder.predict.", None),
    ],
)
def test_each_switch_changes_its_own_part(
    model_spec: SpecMaker, switch: dict, added: str | None, removed: str | None
) -> None:
    plain, switched = parameter_names(model_spec()), parameter_names(model_spec(**switch))
    assert bool(switched - plain) == (added is not None)
    assert all(name.startswith(added or "-") for name in switched - plain)
    assert plain - switched == ({removed} if removed else set())


def test_dap_and_more_channels_differ_in_the_prediction_only(model_spec: SpecMaker) -> None:
    wide, dap = (build(model_spec(prediction=p)).state_dict() for p in ("wide", "dap"))
    assert set(wide) - set(dap) == {"decoder.predict.weight", "decoder.predict.bias"}
    assert all(wide[name].shape == tensor.shape for name, tensor in dap.items())
    assert wide["decoder.predict.weight"].shape == (3, 27, 1, 1)


@pytest.mark.parametrize("switch", [{"upsampling": u} for u in Upsampling] + [{"prediction": p} for p in Prediction])
def test_widths_follow_the_prediction(model_spec: SpecMaker, switch: dict) -> None:
    spec = model_spec(**switch)
    decoder = build(spec).decoder
    width = 3 if spec.decoder.prediction is Prediction.PLAIN else 27
    for part in ("gcn", "refine_level", "upsample", "refine_fused"):
        for name, parameter in decoder.get_submodule(part).named_parameters():
            assert parameter.shape[0] in (width, 4 * width if "upsample" in part else width), (part, name)


# --- sizes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(37, 53), (64, 32), (33, 31), (1, 40), (40, 1), (1, 1)])
@pytest.mark.parametrize("options", [{}, EXFUSE])
def test_output_has_the_size_of_the_input(model_spec: SpecMaker, size: tuple[int, int], options: dict) -> None:
    model = build(model_spec(**options)).eval()
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        scores, auxiliary = model(images)
        padded = torch.zeros(1, 3, 64 if size[0] > 32 else 32, 64 if size[1] > 32 else 32)
        padded[:, :, : size[0], : size[1]] = images
        expected = model(padded).scores[:, :, : size[0], : size[1]]
    assert scores.shape == (1, 3, *size)
    assert scores.isfinite().all()
    assert auxiliary is None
    torch.testing.assert_close(scores, expected)


@pytest.mark.parametrize("prediction", list(Prediction))
def test_auxiliary_scores_have_the_size_of_the_labels_in_training(model_spec: SpecMaker, prediction: str) -> None:
    model = build(model_spec(upsampling="ecre", prediction=prediction)).train()
    raw: list[torch.Tensor] = []
    model.decoder.register_forward_hook(lambda module, inputs, output: raw.append(output.auxiliary))
    auxiliary = model(torch.randn(2, 3, 37, 53)).auxiliary
    assert raw[0].shape == (2, 3, 4, 4)
    expected = F.interpolate(raw[0], scale_factor=16, mode="bilinear")[:, :, :37, :53]
    torch.testing.assert_close(auxiliary, expected)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 4, 32, 32)])
def test_other_shapes_are_refused(model_spec: SpecMaker, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        build(model_spec())(torch.zeros(shape))


def test_channels_last_and_bfloat16(model_spec: SpecMaker) -> None:
    model = build(model_spec(**EXFUSE)).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model(images).scores
        model = model.to(memory_format=torch.channels_last)
        last = model(images.to(memory_format=torch.channels_last)).scores
        torch.testing.assert_close(last, expected, rtol=1e-3, atol=1e-4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = model(images).scores
    assert half.dtype is torch.bfloat16
    assert (half.float() - expected).norm() / expected.norm() < 0.05


def test_building_is_deterministic(model_spec: SpecMaker) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(11)
        states.append(build(model_spec(**EXFUSE)).state_dict())
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_importing_the_package_costs_no_torch(repo_root: Path) -> None:
    code = "import sys, exfuse.models; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repo_root)
