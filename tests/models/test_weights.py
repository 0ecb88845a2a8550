"""Weights are data that describe themselves: safetensors round trip, and what is none is refused with one sentence."""

import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from exfuse.errors import UserError
from exfuse.models import build, build_classifier
from exfuse.models.weights import load_model, load_weights, save_weights
from exfuse.spec.model import BackboneSpec, ModelSpec
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import (
    METADATA,
    ClassifierInfo,
    Origin,
    Scores,
    SegmenterInfo,
    read_info,
    read_segmenter_info,
)

State = dict[str, torch.Tensor]
ORIGIN = Origin(job="runs/gcn/seed0/trainaug", key="0" * 32, preset="smoke", data="made up", code="abc", caveat="tiny")
NORMALIZATION = Normalization(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))


@pytest.fixture
def state() -> State:
    """Tensors of several types and memory layouts."""
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "norm.running_mean": torch.randn(4),
        "norm.num_batches_tracked": torch.tensor(7),
        "transposed": torch.randn(2, 5).T,
        "trained": nn.Parameter(torch.randn(3)),
    }


@pytest.fixture
def info(model_spec: Callable[..., ModelSpec]) -> SegmenterInfo:
    """Of a small ExFuse with three classes."""
    spec = model_spec(tap="ss-convolution", semantic_embedding=True, upsampling="ecre", prediction="dap")
    scores = Scores(on="VOC val", images=5, miou=0.5, miou_flip=0.25, iou={"background": 1.0, "car": None, "cat": 0.0})
    return SegmenterInfo(
        title="small", model=spec, classes=("background", "car", "cat"), labels=(0, 7, 8), size=64,
        normalization=NORMALIZATION, scores=scores, origin=ORIGIN,
    )  # fmt: skip


def test_round_trip(tmp_path: Path, state: State, info: SegmenterInfo) -> None:
    file = tmp_path / "weights.safetensors"
    save_weights(file, state, info)
    for loaded in (load_weights(file), load_file(file)):
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[name], state[name]) and loaded[name].dtype == state[name].dtype for name in state)
    assert read_info(file) == info


def test_the_library_reads_the_same_metadata(tmp_path: Path, state: State, info: SegmenterInfo) -> None:
    save_weights(tmp_path / "w.safetensors", state, info)
    with safe_open(tmp_path / "w.safetensors", "pt") as opened:
        found = json.loads(opened.metadata()[METADATA])
    assert found["classes"] == ["background", "car", "cat"]
    assert found["labels"] == [0, 7, 8]
    assert found["normalization"] == {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    assert found["scores"]["miou"] == 0.5
    assert found["origin"]["preset"] == "smoke"


def test_equal_weights_are_equal_files(tmp_path: Path, state: State, info: SegmenterInfo) -> None:
    """Manifests hold their SHA-256. safetensors writes several entries of metadata in an order that varies."""
    contents = set()
    for _ in range(10):
        save_weights(tmp_path / "weights", state, info)
        contents.add((tmp_path / "weights").read_bytes())
    assert len(contents) == 1


def test_the_network_that_a_file_describes(tmp_path: Path, info: SegmenterInfo) -> None:
    torch.manual_seed(0)
    model = build(info.model).train()
    model(torch.randn(2, 3, 64, 64))  # statistics of batch norm that are not those of a fresh network
    save_weights(tmp_path / "w.safetensors", model.state_dict(), info)
    loaded, found = load_model(tmp_path / "w.safetensors")
    assert found == info
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    images = torch.randn(1, 3, 50, 70)
    assert torch.equal(loaded(images).scores, model.eval()(images).scores)


def test_torchs_default_type_changes_nothing(tmp_path: Path, info: SegmenterInfo) -> None:
    torch.manual_seed(0)
    model = build(info.model).eval()
    save_weights(tmp_path / "w.safetensors", model.state_dict(), info)
    images = torch.randn(1, 3, 50, 70)
    expected = model(images).scores
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(load_model(tmp_path / "w.safetensors")[0](images).scores, expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_backbone_says_so(tmp_path: Path, backbone_spec: BackboneSpec) -> None:
    about = ClassifierInfo(
        title="narrow", backbone=backbone_spec, num_classes=7, normalization=NORMALIZATION, top1_error=0.2,
        origin=ORIGIN,
    )  # fmt: skip
    save_weights(tmp_path / "w.safetensors", build_classifier(backbone_spec, 7).state_dict(), about)
    assert read_info(tmp_path / "w.safetensors") == about
    for read in (read_segmenter_info, load_model):
        with pytest.raises(UserError, match=r"holds a backbone \(narrow\), no segmentation network"):
            read(tmp_path / "w.safetensors")


def test_reading_what_a_file_says_needs_no_torch(tmp_path: Path, state: State, info: SegmenterInfo) -> None:
    save_weights(tmp_path / "w.safetensors", state, info)
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; from exfuse.spec.weights import read_info; "
        "print(read_info(Path(sys.argv[1])).title)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "w.safetensors"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "small\n"


# --- what is none -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_info, load_weights])
def test_cut_short_at_any_place(
    tmp_path: Path, state: State, info: SegmenterInfo, read: Callable[[Path], object]
) -> None:
    source = tmp_path / "weights.safetensors"
    save_weights(source, state, info)
    whole = source.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        source.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"weights\.safetensors is (no safetensors file, or )?cut short"):
            read(source)
    source.write_bytes(whole + b"more")
    with pytest.raises(UserError, match="cut short or damaged"):
        read(source)


class _Trap:
    """What a hostile pickle file does when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (exec, ("raise SystemExit('code ran')",))


@pytest.mark.parametrize("read", [read_info, load_weights, load_model])
def test_a_pickle_is_not_opened(tmp_path: Path, read: Callable[[Path], object]) -> None:
    source = tmp_path / "weights.safetensors"
    source.write_bytes(pickle.dumps(_Trap()))
    with pytest.raises(UserError, match="holds a pickle"):
        read(source)
    torch.save({"w": torch.ones(2)}, source)
    with pytest.raises(UserError, match="holds a pickle"):
        read(source)


def test_a_length_that_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    """640 is 0x0280: the two bytes with which a pickle of protocol 2 begins."""
    header = json.dumps({"__metadata__": {"words": ""}})
    header = header.replace('""', f'"{"x" * (640 - len(header))}"')
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 640) + header.encode())
    assert (tmp_path / "w.safetensors").read_bytes().startswith(b"\x80\x02")
    assert load_weights(tmp_path / "w.safetensors") == {}


@pytest.mark.parametrize("read", [read_info, load_weights, load_model])
def test_missing(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(UserError, match=r"absent\.safetensors is missing"):
        read(tmp_path / "absent.safetensors")
    with pytest.raises(UserError, match="cannot read"):
        read(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}x",
        b'{"w": 1}',
        b'{"w": {"data_offsets": []}}',
        b'{"w": {"data_offsets": ["a", "b"]}}',
        b'{"__metadata__": 3}',
        b'{"__metadata__": []}',
        b'{"__metadata__": {"exfuse": 3}}',
        b'{"w": {"dtype": "F32", "data_offsets": [0, 0]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, Infinity]}}',
        b'{"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}',
        b'{"w":' + b"[" * 100_000,
    ],
)
def test_headers_that_mean_nothing(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(UserError, match=r"Fetch or make it again|cut short or damaged"):
        read_info(tmp_path / "w.safetensors")


@pytest.mark.parametrize("length", [0, 1])
def test_a_length_in_which_no_header_fits_reads_nothing(tmp_path: Path, length: int) -> None:
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", length) + b"{" + b" " * 100)
    with pytest.raises(UserError, match="is no safetensors file, or cut short"):
        read_info(tmp_path / "w.safetensors")


@pytest.mark.parametrize("size", [0, -32, 48, 8224, 2**62])
def test_a_training_size_that_no_training_has(tmp_path: Path, info: SegmenterInfo, size: int) -> None:
    words = {**info.model_dump(mode="json"), "size": size}
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(words)})
    with pytest.raises(UserError, match=r"does not know \(.*size: Input should be"):
        read_info(tmp_path / "w.safetensors")


@pytest.mark.parametrize("type", [torch.float16, torch.bfloat16, torch.float64, torch.int32])
def test_other_types_than_those_of_the_network(tmp_path: Path, info: SegmenterInfo, type: torch.dtype) -> None:
    state = {**build(info.model).state_dict()}
    name = next(name for name in state if name.endswith("running_var"))
    state[name] = state[name].to(type)
    save_weights(tmp_path / "w.safetensors", state, info)
    with pytest.raises(UserError, match=rf"\(of another type: {name} {str(type).split('.')[1]} for float32\)"):
        load_model(tmp_path / "w.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_no_number(tmp_path: Path, info: SegmenterInfo, value: float) -> None:
    state = build(info.model).state_dict()
    name = list(state)[-1]
    state[name].view(-1)[-1] = value
    save_weights(tmp_path / "w.safetensors", state, info)
    with pytest.raises(UserError, match=f"w.safetensors is of no use: {name} has values that are infinite or no num"):
        load_model(tmp_path / "w.safetensors")


def test_of_another_program(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="it was written by another program, or by an early version of this one"):
        load_model(tmp_path / "w.safetensors")


def test_words_that_this_version_does_not_know(tmp_path: Path, info: SegmenterInfo) -> None:
    words = {**info.model_dump(mode="json"), "colour": "red"}
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(words)})
    with pytest.raises(UserError, match=r"does not know \(.*colour"):
        read_info(tmp_path / "w.safetensors")


def test_another_number_of_classes_than_it_says(tmp_path: Path, info: SegmenterInfo) -> None:
    words = info.model_dump(mode="json")
    words["classes"] = words["classes"][:2]
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors", {METADATA: json.dumps(words)})
    with pytest.raises(UserError, match="2 class names and 3 labels for 3 classes"):
        read_info(tmp_path / "w.safetensors")
    other = info.model.model_copy(update={"num_classes": 4})
    save_weights(tmp_path / "w.safetensors", build(other).state_dict(), info)
    with pytest.raises(UserError, match=r"are not those of the network that it describes .*of another shape"):
        load_model(tmp_path / "w.safetensors")


@pytest.mark.parametrize("classes", [("background", "car", "car"), ("background", "", "cat")])
def test_every_class_has_a_name_of_its_own(info: SegmenterInfo, classes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a class has no name of its own"):
        SegmenterInfo.model_validate({**info.model_dump(), "classes": classes})
