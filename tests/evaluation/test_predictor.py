"""`exfuse.load`: bytes in, scores or labels out, without anything that the workflow needs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import exfuse
from exfuse.errors import UserError
from exfuse.evaluation.predictor import Predictor
from exfuse.models.weights import save_weights
from tests.trained import LABELS, NORMALIZATION, describe, network, write_weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_weights(tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def images(number: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (number, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 51), (1, 1)])
def test_scores_are_the_networks_of_normalised_and_padded_images(file: Path, height: int, width: int) -> None:
    predictor = exfuse.load(file)
    batch = images(2, height, width)
    mean, std = (torch.tensor(of).reshape(3, 1, 1) for of in (NORMALIZATION.mean, NORMALIZATION.std))
    padded = F.pad((batch / 255 - mean) / std, (0, 64 - width, 0, 64 - height))
    with torch.no_grad():
        expected = network(predictor.info)(padded).scores[:, :, :height, :width]
    found = predictor(batch)
    assert (found.shape, found.dtype) == ((2, 3, height, width), torch.float32)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)  # the mean pixel is rounded to a byte
    assert not found.requires_grad
    found += 1  # an ordinary tensor, none of inference mode


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("height", "width"), [(50, 64), (70, 130)])
def test_labels_are_values_of_masks(file: Path, height: int, width: int, flip: bool) -> None:
    predictor = exfuse.load(file)
    batch = images(2, height, width)
    labels = predictor.labels(batch, flip)
    assert (labels.shape, labels.dtype) == ((2, height, width), torch.uint8)
    expected = torch.tensor(LABELS, dtype=torch.uint8)[predictor(batch, flip).argmax(1)]
    assert (labels != expected).float().mean() < 1e-3  # but for ties within rounding
    assert len(labels.unique()) > 1


def test_flip_is_the_mean_with_the_mirrored_image(file: Path) -> None:
    predictor = exfuse.load(str(file))
    batch = images(1, 64, 64)
    expected = (predictor(batch) + predictor(batch.flip(3)).flip(3)) / 2
    torch.testing.assert_close(predictor(batch, flip=True), expected)


def test_training_mode_changes_nothing(file: Path) -> None:
    predictor = exfuse.load(file)
    before = predictor(images(1, 64, 64))
    assert torch.equal(predictor.train()(images(1, 64, 64)), before)
    assert predictor.network.training


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(1, 3, 8, 8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(1, 8, 8, 3, dtype=torch.uint8),
        torch.zeros(0, 3, 8, 8, dtype=torch.uint8),
    ],
)
def test_other_shapes_and_types_are_refused(file: Path, wrong: torch.Tensor) -> None:
    predictor = exfuse.load(file)
    for call in (predictor, predictor.labels):
        with pytest.raises(ValueError, match=r"expected RGB images, uint8 \(N, 3, H, W\)"):
            call(wrong)


@pytest.mark.parametrize("wrong", [None, [torch.zeros(3, 8, 8, dtype=torch.uint8)], Image.new("RGB", (8, 8))])
def test_what_is_no_tensor_is_refused(file: Path, wrong: Any) -> None:
    predictor = exfuse.load(file)
    for call in (predictor, predictor.labels):
        with pytest.raises(ValueError, match=rf"uint8 \(N, 3, H, W\) in one torch\.Tensor, not {type(wrong).__name__}"):
            call(wrong)


def test_what_is_said_of_a_picture_works(file: Path) -> None:
    predictor = exfuse.load(file)
    picture = Image.fromarray(images(1, 20, 30)[0].permute(1, 2, 0).numpy())
    with pytest.raises(ValueError, match="Of one picture of PIL") as caught:
        predictor.labels(cast(Any, picture))
    advice = str(caught.value).rpartition("that is ")[2]
    given = eval(advice, {"torch": torch, "np": np, "picture": picture})
    assert torch.equal(predictor.labels(given), predictor.labels(images(1, 20, 30)))


@pytest.mark.parametrize("type", [torch.float16, torch.bfloat16, torch.float64])
def test_another_type_than_float32_is_refused(file: Path, type: torch.dtype) -> None:
    predictor = exfuse.load(file).to(type)
    batch = images(1, 40, 40)
    for call in (predictor, predictor.labels, lambda given: list(predictor.label_bands(given[0]))):
        with pytest.raises(ValueError, match=rf"weights are {type}, and it computes in float32: load it again"):
            call(batch)


@pytest.mark.parametrize(("device", "words"), [("cuda", "no GPU here for `cuda`"), ("gpu", "unknown device 'gpu'")])
def test_a_device_that_is_not_there(file: Path, monkeypatch: pytest.MonkeyPatch, device: str, words: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=words):
        exfuse.load(file, device)


@pytest.mark.parametrize("size", [40, 200])
@pytest.mark.parametrize(("name", "value"), [("backbone.bn1.running_var", -1), ("backbone.conv1.weight", 3e38)])
def test_weights_whose_scores_are_no_numbers(tmp_path: Path, name: str, value: float, size: int) -> None:
    """Each value is a number; the first class would be "found" everywhere."""
    info = describe()
    state = network(info).state_dict()
    state[name].fill_(value)
    save_weights(tmp_path / "w.safetensors", state, info)
    predictor = exfuse.load(tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="its weights are damaged, or their training failed"):
        predictor.labels(images(1, size, size))


def test_reading_bands_leaves_the_readers_own_mode_alone(file: Path) -> None:
    bands = Predictor.open(file).label_bands(images(1, 200, 40)[0])
    first = next(bands)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    rest = list(bands)
    assert len(rest) > 1
    assert sum(len(band) for band in (first, *rest)) == 200
    assert first.dtype == np.uint8


def test_small_networks_get_one_thread_where_the_process_is_ours(file: Path) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        exfuse.load(file)
        assert torch.get_num_threads() == 2
        Predictor.in_own_process(file, "cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.safetensors is missing"):
        exfuse.load(tmp_path / "none.safetensors")


def test_neither_snakemake_nor_dvc_is_needed_and_torch_only_when_used(file: Path, repo_root: Path) -> None:
    code = """
import sys
sys.modules |= {"snakemake": None, "dvc": None, "matplotlib": None, "onnx": None}
import exfuse
from exfuse import models
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec
assert "torch" not in sys.modules
import torch
backbone = BackboneSpec(blocks=(1, 1, 1, 1), channels=(8, 8, 8, 8))
spec = ModelSpec(backbone=backbone, decoder=DecoderSpec(), num_classes=4)
print(tuple(models.build(spec).eval()(torch.zeros(1, 3, 32, 32)).scores.shape))
print(tuple(exfuse.load(sys.argv[1])(torch.zeros(1, 3, 5, 7, dtype=torch.uint8)).shape))
assert not {"timm", "torchvision", "torch._dynamo", "sympy"} & set(sys.modules), "each takes a second or more to load"
"""
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(file)]
    done = subprocess.run(command, cwd=file.parent, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(1, 4, 32, 32)\n(1, 3, 5, 7)\n", "")


@pytest.mark.gpu
def test_on_a_gpu(file: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    batch = images(2, 100, 90)
    here, there = exfuse.load(file), exfuse.load(file, "cuda")
    scores = there(batch)
    assert scores.device.type == "cuda"
    torch.testing.assert_close(scores.cpu(), here(batch), atol=1e-2, rtol=1e-2)
    assert (there.labels(batch) != here.labels(batch)).float().mean() < 0.01
