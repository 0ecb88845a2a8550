"""The whole network: which features the decoder gets, images of any size, precision."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from exfuse.models import build
from exfuse.models.segmenter import Segmenter
from exfuse.spec.model import DecoderSpec, ModelSpec, Prediction, SemanticSupervisionSpec
from tests.models.conftest import Enliven, SpecMaker
from tests.networks import CLASSES, EXFUSE

Maps = dict[int, torch.Tensor]

# --- taps ---------------------------------------------------------------------------------------------------------


def features_and_hooked(model: Segmenter, images: torch.Tensor) -> tuple[Maps, Maps, Maps]:
    """What the decoder reads, what the stages end with, and what the tapped heads' last batch norms give."""
    read: Maps = {}
    tails: Maps = {}
    taps: Maps = {}
    model.decoder.register_forward_pre_hook(lambda module, inputs: read.update(inputs[0]))
    for level in (1, 2, 3, 4):
        stage = model.backbone.get_submodule(f"layer{level}")
        stage.register_forward_hook(lambda module, inputs, output, level=level: tails.update({level: output}))
    for key, head in model.semantic_supervision.items():
        # cloned: the ReLU that follows may work in place
        head.bn2.register_forward_hook(lambda module, inputs, output, key=key: taps.update({int(key): output.clone()}))
    with torch.no_grad():
        model.eval()(images)
    return read, tails, taps


@pytest.mark.parametrize("levels", [(4,), (2, 4), (1, 2, 3, 4)])
def test_tail_taps_are_the_stages_outputs(model_spec: SpecMaker, enliven: Enliven, levels: tuple[int, ...]) -> None:
    """Also on a backbone with semantic supervision, whose heads are then not built."""
    model = enliven(build(model_spec(levels=levels)))
    read, tails, taps = features_and_hooked(model, torch.randn(1, 3, 64, 64))
    assert not taps and len(model.semantic_supervision) == 0
    assert set(read) == set(levels)
    assert all(torch.equal(read[level], tails[level]) for level in levels)


@pytest.mark.parametrize("supervised", [(1, 2, 3), (2, 3), (1,), (1, 2, 3, 4)])
@pytest.mark.parametrize("levels", [(4,), (3, 4), (1, 2, 3, 4)])
def test_ss_taps_follow_the_second_convolution(
    model_spec: SpecMaker, enliven: Enliven, supervised: tuple[int, ...], levels: tuple[int, ...]
) -> None:
    """Kept, supervised levels below the top: the second convolution after its norm and ReLU. Others: the tail."""
    backbone = model_spec().backbone.model_copy(
        update={"semantic_supervision": SemanticSupervisionSpec(levels=supervised, width_ratio=0.5)}
    )
    decoder = DecoderSpec(gcn_kernel=5, levels=levels, **EXFUSE)
    model = enliven(build(ModelSpec(backbone=backbone, decoder=decoder, num_classes=CLASSES)))
    read, tails, taps = features_and_hooked(model, torch.randn(1, 3, 64, 64))
    tapped = {level for level in levels if level in supervised and level != 4}
    assert set(taps) == tapped
    assert set(read) == set(levels)
    for level in levels:
        assert torch.equal(read[level], F.relu(taps[level]) if level in tapped else tails[level])
        assert read[level].shape[1] == backbone.out_channels[level - 1] // (2 if level in tapped else 1)


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
