"""A file of weights that contradicts itself, or says what no network and no score is like, is refused."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from exfuse.errors import UserError
from exfuse.models.weights import load_model, load_weights
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import METADATA, ClassifierInfo, read_header, read_info
from tests.trained import describe

TYPES = (
    torch.bool, torch.uint8, torch.int8, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.int16,
    torch.float16, torch.bfloat16, torch.uint32, torch.int32, torch.float32, torch.uint64, torch.int64, torch.float64,
    torch.complex64,
)  # fmt: skip


def entry(start: int, end: int, shape: list[int], type: str = "F32") -> dict[str, Any]:
    return {"dtype": type, "shape": shape, "data_offsets": [start, end]}


def write(target: Path, tensors: dict[str, Any], size: int) -> Path:
    """A safetensors file with that header, and ``size`` bytes of values."""
    header = json.dumps(tensors).encode()
    target.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))
    return target


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"w": entry(0, 8, [3])}, "'w' has another number of bytes than its shape and type need"),
        ({"w": entry(0, 8, [2], "F16")}, "'w' has another number of bytes"),
        ({"w": entry(0, 8, [2**62, 2**62])}, "'w' has another number of bytes"),
        ({"w": entry(8, 8, [2])}, "'w' has another number of bytes"),
        ({"w": entry(0, 8, [2], "Q7")}, "'w' is of an unknown type"),
        ({"v": entry(0, 8, [2]), "w": entry(0, 8, [2])}, "'w' does not begin where the tensor before it ends"),
        ({"v": entry(0, 4, [1]), "w": entry(2, 8, [3], "F16")}, "'w' does not begin"),
        ({"w": entry(4, 8, [1])}, "'w' does not begin"),
        ({"v\n": entry(0, 8, [3])}, r"'v\\n' has another"),
    ],
)
def test_a_header_that_contradicts_itself(tmp_path: Path, tensors: dict[str, Any], words: str) -> None:
    source = write(tmp_path / "w.safetensors", tensors, 8)
    with pytest.raises(SafetensorError):  # the library sees it too, when it reads the tensors
        load_file(source)
    for read in (read_info, load_weights):
        with pytest.raises(UserError, match=rf"w\.safetensors contradicts itself \({words}.* Fetch or make it again"):
            read(source)


@pytest.mark.parametrize(
    ("shape", "end"),
    [("2", "HUGE"), ("HUGE", "8"), (", ".join(["1"] * 1000), "4"), ("2305843009213693952", str(2**63))],
)
def test_numbers_that_no_tensor_has(tmp_path: Path, shape: str, end: str) -> None:
    text = f'{{"w": {{"dtype": "F32", "shape": [{shape}], "data_offsets": [0, {end}]}}}}'
    header = text.replace("HUGE", "1" + 4200 * "0").encode()  # Python reads it, 64 bits do not hold it
    (tmp_path / "w").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8 if end != "4" else 4))
    with pytest.raises(UserError, match="is no safetensors file"):
        read_header(tmp_path / "w")


@pytest.mark.parametrize("type", TYPES)
def test_what_the_library_writes_is_read(tmp_path: Path, type: torch.dtype) -> None:
    """It sorts tensors by type and name; some are empty, some a single value."""
    shapes = {"c": (2, 3), "a": (), "b": (0, 4), "d": (5,)}
    tensors = {name: torch.ones(shape).to(type) for name, shape in shapes.items()} | {"bias": torch.ones(3)}
    save_file(tensors, tmp_path / "w.safetensors")
    assert load_weights(tmp_path / "w.safetensors").keys() == tensors.keys()


@pytest.mark.parametrize("read", [read_info, load_weights, load_model])
def test_a_pipe_is_not_waited_for(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "w")
    held = os.open(tmp_path / "w", os.O_RDWR)  # what reads it all the same shall end
    try:
        os.write(held, b"no weights at all")
        with pytest.raises(UserError, match="it is no regular file"):
            read(tmp_path / "w")
    finally:
        os.close(held)


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": -3}, {"images": 10**30}, {"miou": 5e300}, {"miou": -0.1}, {"miou": 1.1}, {"miou_flip": 50.0},
        {"iou": {"cat": 2.0}}, {"miou": float("nan")},
    ],
)  # fmt: skip
def test_scores_that_nothing_has(tmp_path: Path, wrong: dict[str, Any]) -> None:
    about = describe().model_dump(mode="json")
    about["scores"].update(wrong)
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(about)})
    with pytest.raises(UserError, match=rf"does not know \(segmenter\.scores\.{next(iter(wrong))}.*: Input should be"):
        read_info(tmp_path / "w.safetensors")


@pytest.mark.parametrize("wrong", [{"top1_error": 23.5}, {"top1_error": -0.1}, {"num_classes": 10**30}])
def test_errors_that_no_classifier_has(wrong: dict[str, Any]) -> None:
    about = describe()
    words = {
        "title": "narrow", "backbone": about.model.backbone, "num_classes": 7, "normalization": about.normalization,
        "top1_error": 1.0, "origin": about.origin,
    }  # fmt: skip
    assert ClassifierInfo.model_validate(words).top1_error == 1
    with pytest.raises(ValidationError, match="Input should be"):
        ClassifierInfo.model_validate(words | wrong)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((0.0, 0.5, 1.0), (1.0, 1.0, 1.0)),
        ((0.4, 0.4, 0.4), (1 / 255, 1 / 255, 1 / 255)),
        ((0.4, 0.4, 0.4), (1e-3, 1.0, 10.0)),
    ],
)
def test_means_and_deviations_that_images_may_have(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    found = Normalization.model_validate({"mean": mean, "std": std})
    assert (found.mean, found.std) == (mean, std)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mean", 2.0, "must lie in 0–1, as pixels do, not 2; divide values of 0–255 by 255"),
        ("mean", -5.0, "must lie in 0–1"),
        ("mean", 123.68, "must lie in 0–1"),
        ("std", 1e-40, r"must lie between 0\.001 and 10, for pixels in 0–1, not 1e-40; divide values of 0–255 by 255"),
        ("std", 58.4, "must lie between"),
        ("std", 0.0, "Input should be greater than 0"),
        ("std", -0.2, "Input should be greater than 0"),
    ],
)
def test_others_are_refused(tmp_path: Path, field: str, value: float, words: str) -> None:
    about = describe().model_dump(mode="json")
    about["normalization"][field] = [0.5, value, 0.5]
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(about)})
    with pytest.raises(UserError, match=rf"does not know \(segmenter\.normalization\.{field}\.1: {words}"):
        read_info(tmp_path / "w.safetensors")
