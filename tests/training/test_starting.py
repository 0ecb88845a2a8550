"""Weights are data: safetensors round trip, and what is none is refused with one sentence."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from exfuse.errors import UserError
from exfuse.models import build_classifier
from exfuse.spec.model import BackboneSpec, SemanticSupervisionSpec
from exfuse.training import starting
from exfuse.training.starting import public_classifier, trained_classifier, untrained_classifier
from exfuse.training.weights import load_weights, save_weights


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Tensors of several types and memory layouts."""
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "norm.running_mean": torch.randn(4),
        "norm.num_batches_tracked": torch.tensor(7),
        "transposed": torch.randn(2, 5).T,
        "trained": torch.nn.Parameter(torch.randn(3)),
    }


def test_round_trip(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    save_weights(tmp_path / "weights.safetensors", state, {})
    for loaded in (load_weights(tmp_path / "weights.safetensors"), load_file(tmp_path / "weights.safetensors")):
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[name], state[name]) and loaded[name].dtype == state[name].dtype for name in state)


def test_metadata_says_what_they_are(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    about = {"kind": "segmenter", "model": {"num_classes": 5, "levels": [1, 4]}}
    save_weights(tmp_path / "weights.safetensors", state, about)
    with safe_open(tmp_path / "weights.safetensors", "pt") as opened:
        (text,) = opened.metadata().values()
    assert json.loads(text) == about


def test_equal_weights_are_equal_files(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """Manifests hold their SHA-256. safetensors writes several entries of metadata in an order that varies."""
    contents = set()
    for attempt in range(10):
        about = {"kind": "segmenter", "seed": 0, "model": {"b": 1, "a": 2}}
        save_weights(tmp_path / "weights", state, dict(reversed(about.items())) if attempt % 2 else about)
        contents.add((tmp_path / "weights").read_bytes())
    assert len(contents) == 1


def test_cut_short_at_any_place(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    source = tmp_path / "weights.safetensors"
    save_weights(source, state, {})
    whole = source.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        source.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"weights\.safetensors is no readable safetensors file"):
            load_weights(source)


class _Trap:
    """What a hostile pickle file does when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (exec, ("raise SystemExit('code ran')",))


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    source = tmp_path / "weights.safetensors"
    source.write_bytes(pickle.dumps(_Trap()))
    with pytest.raises(UserError, match="no readable safetensors file"):
        load_weights(source)
    torch.save({"w": torch.ones(2)}, source)
    with pytest.raises(UserError, match="no readable safetensors file"):
        load_weights(source)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.safetensors is missing"):
        load_weights(tmp_path / "absent.safetensors")


# --- public weights ---

ARCHITECTURE = BackboneSpec(blocks=(1, 1, 1, 1), channels=(4, 4, 4, 4), stem_width=8, cardinality=2, base_width=32)
NAME = "resnet50.tv_in1k"


def test_a_local_file_of_public_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    published = build_classifier(ARCHITECTURE, starting.IMAGENET_CLASSES).backbone.state_dict()
    (tmp_path / "weights").mkdir()
    save_file(
        {name: tensor.contiguous() for name, tensor in published.items()}, tmp_path / f"weights/{NAME}.safetensors"
    )
    monkeypatch.setattr(starting, "_from_hub", lambda *_: pytest.fail("asked the hub"))
    torch.manual_seed(2)
    state = public_classifier(NAME, ARCHITECTURE, tmp_path)
    assert state.keys() == {f"backbone.{name}" for name in published}
    assert all(torch.equal(state[f"backbone.{name}"], tensor) for name, tensor in published.items())


def test_public_weights_of_another_network(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    save_weights(tmp_path / f"weights/{NAME}.safetensors", {"conv1.weight": torch.zeros(1)}, {})
    with pytest.raises(UserError, match=f"the public weights {NAME} are of another network"):
        public_classifier(NAME, ARCHITECTURE, tmp_path)


def test_public_weights_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("timm.create_model", refuse)
    with pytest.raises(UserError, match=rf"cannot fetch .*{NAME}.* put it at .*weights/{NAME}\.safetensors"):
        public_classifier(NAME, ARCHITECTURE, tmp_path)


# --- trained and untrained ones ---

SUPERVISED = ARCHITECTURE.model_copy(update={"semantic_supervision": SemanticSupervisionSpec(levels=(1, 3))})


def test_a_trained_backbone_of_any_number_of_classes(tmp_path: Path) -> None:
    trained = build_classifier(SUPERVISED, 7).state_dict()
    save_weights(tmp_path / "weights.safetensors", trained, {})
    state = trained_classifier(tmp_path / "weights.safetensors", SUPERVISED)
    assert state.keys() == trained.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in trained.items())


def test_trained_weights_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(UserError, match=r"weights\.safetensors is absent or damaged\. Copy it again"):
        trained_classifier(file, SUPERVISED)
    save_weights(file, {"decoder.weight": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="holds no backbone with its classifier"):
        trained_classifier(file, SUPERVISED)
    save_weights(file, build_classifier(ARCHITECTURE, 7).state_dict(), {})
    with pytest.raises(UserError, match="are of another network"):
        trained_classifier(file, SUPERVISED)


def test_an_untrained_backbone_is_drawn_by_the_seed() -> None:
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(untrained_classifier(SUPERVISED)["backbone.conv1.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
