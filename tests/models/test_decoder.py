"""The decoder's wiring against Figure 2 in functional calls, for every subset of levels, and how it starts."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from exfuse.models import build
from exfuse.models.decoder import Decoder
from tests.models.conftest import SUBSETS, SpecMaker
from tests.networks import EXFUSE

Maps = Mapping[int, torch.Tensor]


def reference_decoder(
    weights: Mapping[str, torch.Tensor], x: Maps, shuffled: bool, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(scores, first up-sampled map) of Figure 2 in functional calls, from level 4 down to the lowest in ``x``."""
    embedding = any(name.startswith("semantic_embedding.") for name in weights)

    def conv(name: str, maps: torch.Tensor) -> torch.Tensor:
        weight = weights[f"{name}.weight"]
        return F.conv2d(maps, weight, weights[f"{name}.bias"], padding=[side // 2 for side in weight.shape[2:]])

    def refine(name: str, maps: torch.Tensor) -> torch.Tensor:
        return maps + conv(f"{name}.conv2", F.relu(conv(f"{name}.conv1", maps)))

    def level(index: int) -> torch.Tensor:
        own = x[index]
        for higher in range(index + 1, 5):
            if embedding and higher in x:
                guide = conv(f"semantic_embedding.{index}.embed.{higher}", x[higher])
                own = own * F.interpolate(guide, scale_factor=2 ** (higher - index), mode="bilinear")
        name = f"gcn.{index}"
        left = conv(f"{name}.left.1", conv(f"{name}.left.0", own))
        return refine(f"refine_level.{index}", left + conv(f"{name}.right.1", conv(f"{name}.right.0", own)))

    def deconvolve(stride: int, maps: torch.Tensor) -> torch.Tensor:
        return F.conv_transpose2d(maps, weights[f"upsample.{stride}.weight"], stride=2, padding=1)

    def add(maps: torch.Tensor, index: int) -> torch.Tensor:
        return maps + level(index) if index in x else maps

    y = level(4)
    first = y = F.pixel_shuffle(conv("upsample.16.conv", y), 2) if shuffled else deconvolve(16, y)
    y = refine("refine_fused.16", add(y, 3))
    y = refine("refine_fused.8", add(deconvolve(8, y), 2))
    y = refine("refine_fused.4", add(deconvolve(4, y), 1))
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


def shaken(decoder: nn.Module) -> nn.Module:
    """In double precision and away from the start, where the residual branches are almost nothing."""
    generator = torch.Generator().manual_seed(5)
    for parameter in decoder.double().parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return decoder


def random_features(channels: Mapping[int, int]) -> dict[int, torch.Tensor]:
    """x_l for an image of 64 × 128 pixels."""
    generator = torch.Generator().manual_seed(6)
    return {
        level: torch.randn(2, n, 32 >> level, 64 >> level, dtype=torch.float64, generator=generator)
        for level, n in channels.items()
    }


@pytest.mark.parametrize("levels", SUBSETS)
@pytest.mark.parametrize(
    ("options", "shuffled", "k"),
    [
        ({}, False, 1),
        ({"semantic_embedding": True, "upsampling": "deconvolution-supervised"}, False, 1),
        ({"upsampling": "ecre", "semantic_embedding": True, "prediction": "dap"}, True, 3),
        ({"upsampling": "sub-pixel", "prediction": "dap", "dap_kernel": 5}, True, 5),
    ],
)
def test_decoder_is_figure_2(
    model_spec: SpecMaker, levels: tuple[int, ...], options: dict, shuffled: bool, k: int
) -> None:
    spec = model_spec(levels=levels, **options)
    decoder = shaken(build(spec).decoder)
    x = random_features({level: spec.backbone.out_channels[level - 1] for level in levels})
    with torch.no_grad():
        scores, auxiliary = decoder(x)
        expected, first = reference_decoder(decoder.state_dict(), x, shuffled, k)
    torch.testing.assert_close(scores, expected)
    assert scores.shape == (2, 3, 64, 128)
    assert (auxiliary is not None) == spec.decoder.supervised
    if auxiliary is not None:
        torch.testing.assert_close(auxiliary, first)


@pytest.mark.parametrize("levels", [(4,), (1, 2, 3, 4)])
def test_gradients_of_each_output_are_figure_2s(model_spec: SpecMaker, levels: tuple[int, ...]) -> None:
    """One output at a time; the auxiliary one reaches the top level up to its up-sampling, and nothing else."""
    spec = model_spec(levels=levels, upsampling="ecre", semantic_embedding=True, prediction="dap")
    decoder = shaken(build(spec).decoder)
    features = random_features({level: spec.backbone.out_channels[level - 1] for level in levels})
    x = {level: maps.requires_grad_() for level, maps in features.items()}
    weights = dict(decoder.named_parameters())
    names = [*map(str, x), *weights]
    reached = []
    for output, expected in zip(decoder(x), reference_decoder(weights, x, shuffled=True, k=3), strict=True):
        g = torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(9))
        actual, ours = (
            torch.autograd.grad(of, [*x.values(), *weights.values()], g, retain_graph=True, materialize_grads=True)
            for of in (output, expected)
        )
        for name, one, other in zip(names, actual, ours, strict=True):
            torch.testing.assert_close(one, other, msg=lambda text, name=name: f"{name}: {text}")
        reached.append({name for name, gradient in zip(names, actual, strict=True) if gradient.any()})
    top = ("gcn.4.", "refine_level.4.", "upsample.16.conv.")
    assert reached == [set(names), {"4", *(name for name in weights if name.startswith(top))}]


@pytest.mark.parametrize("levels", SUBSETS[:-1])
@pytest.mark.parametrize("options", [{}, {**EXFUSE, "semantic_embedding": False}])
def test_an_omitted_level_is_one_that_adds_nothing(
    model_spec: SpecMaker, levels: tuple[int, ...], options: dict
) -> None:
    """All four levels with the GCN of the omitted ones at zero (so that BR(0) is 0) give the subset's very scores."""
    subset, full = build(model_spec(levels=levels, **options)).decoder, build(model_spec(**options)).decoder
    shaken(subset)
    full.double().load_state_dict(subset.state_dict(), strict=False)
    for level in {1, 2, 3} - set(levels):
        for part in (full.gcn[str(level)], full.refine_level[str(level)]):
            for parameter in part.parameters():
                nn.init.zeros_(parameter)
    channels = {level: full.gcn[str(level)].left[0].in_channels for level in (1, 2, 3, 4)}
    x = random_features(channels)
    with torch.no_grad():
        expected = full(x)
        actual = subset({level: x[level] for level in levels})
    torch.testing.assert_close(actual.scores, expected.scores)
    torch.testing.assert_close(actual.auxiliary, expected.auxiliary)


@pytest.mark.parametrize("prediction", ["plain", "wide", "dap"])
@pytest.mark.parametrize("upsampling", ["deconvolution", "sub-pixel"])
def test_an_untrained_upsampling_path_is_interpolation(model_spec: SpecMaker, upsampling: str, prediction: str) -> None:
    decoder = build(model_spec(upsampling=upsampling, prediction=prediction)).decoder
    coarse = torch.randn(1, decoder.refine_fused["16"].conv1.in_channels, 8, 6)
    fine, expected = coarse, coarse
    with torch.no_grad():
        for stride in (16, 8, 4, 2, 1):
            fine = decoder.upsample[str(stride)](fine)
            expected = F.interpolate(expected, scale_factor=2, mode="bilinear")
    # the border, where it interpolates towards zero, is doubled with every step
    torch.testing.assert_close(fine[:, :, 32:-32, 32:-32], expected[:, :, 32:-32, 32:-32])


@pytest.mark.parametrize("upsampling", ["deconvolution", "sub-pixel"])
def test_an_untrained_decoder_without_refinement_interpolates_its_top_level(
    model_spec: SpecMaker, upsampling: str
) -> None:
    """From the GCN's map to full resolution: with BR at zero nothing but interpolation is left, scale 1 to the end."""
    decoder = build(model_spec(levels=(4,), upsampling=upsampling)).decoder.double()
    for parameter in (*decoder.refine_level.parameters(), *decoder.refine_fused.parameters()):
        nn.init.zeros_(parameter)
    top = torch.randn(1, decoder.gcn["4"].left[0].in_channels, 6, 7, dtype=torch.float64)
    with torch.no_grad():
        scores = decoder({4: top}).scores
        expected = decoder.gcn["4"](top)
        for _ in range(5):
            expected = F.interpolate(expected, scale_factor=2, mode="bilinear")
    assert scores.shape == (1, 3, 192, 224)
    torch.testing.assert_close(scores[:, :, 32:-32, 32:-32], expected[:, :, 32:-32, 32:-32])


@pytest.mark.parametrize(("prediction", "spread"), [("plain", 1), ("wide", 1), ("dap", 1 / 3)])
def test_scores_start_with_the_spread_of_the_last_map(model_spec: SpecMaker, prediction: str, spread: float) -> None:
    """DAP's are means of nine independent channels."""
    torch.manual_seed(0)
    spec = model_spec(levels=(4,), prediction=prediction).model_copy(update={"num_classes": 21})
    scores = Decoder(spec, {4: 8}).predict(torch.randn(1, spec.width, 48, 48))
    assert scores.shape == (1, 21, 48, 48)
    assert scores.std().item() == pytest.approx(spread, rel=0.1)
