"""Public weights by name: a file beside the archives, else timm's hub, else one sentence that says what to do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from exfuse.errors import UserError
from exfuse.spec.model import BackboneSpec
from exfuse.spec.weights import read_info
from exfuse.training.starting import public_classifier
from tests.params import Params, copy_params
from tests.program import call

NAME = "resnet50.tv_in1k"
RESNET_50 = BackboneSpec(blocks=(3, 4, 6, 3))

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def published() -> State:
    """timm's own ResNet-50 under its own names, with random weights and statistics."""
    torch.manual_seed(1)
    state: State = timm.create_model("resnet50").state_dict()
    return {name: torch.rand_like(t) if name.endswith("running_var") else t for name, t in state.items()}


def put(archives: Path, state: State) -> Path:
    """The file as a person puts it there: timm's ``model.safetensors`` under the weights' name."""
    file = archives / "weights" / f"{NAME}.safetensors"
    file.parent.mkdir(parents=True)
    save_file(state, file, {"format": "pt"})
    return file


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.create_model", lambda *_, **__: pytest.fail("asked the hub"))


@pytest.fixture
def params(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A folder with ``params/`` alone, as the current one."""
    monkeypatch.chdir(tmp_path)
    return copy_params(repo_root, tmp_path)


# --- by the command -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_hub")
def test_a_local_file_becomes_the_backbone_of_voc(
    params: Params, published: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(params.root / "data" / "official", published)
    assert call(monkeypatch, "--preset", "voc", "pretrain", "resnet50") == 0
    made = params.root / "results" / "voc" / "backbones" / "resnet50" / "weights.safetensors"
    state = load_file(made)
    assert state.keys() == {f"backbone.{name}" for name in published}
    assert all(torch.equal(state[f"backbone.{name}"], tensor) for name, tensor in published.items())
    info = read_info(made)
    assert (info.normalization.mean, info.normalization.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_offline_it_says_what_to_fetch_and_where_to_put_it(params: Params) -> None:
    """In a process of its own, with the hub's own switch for being offline and an empty cache."""
    environment = {
        **os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(params.root / "cache"), "TORCH_HOME": str(params.root),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    command = [sys.executable, "-m", "exfuse.cli", "--preset", "voc", "pretrain", "resnet50"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "error" in line]
    assert line.startswith(f"error: cannot fetch the public weights {NAME} from timm's hub")
    assert f"https://huggingface.co/timm/{NAME}/resolve/main/model.safetensors" in line
    assert line.endswith(f"put it at data/official/weights/{NAME}.safetensors.")
    assert "Traceback" not in done.stderr
    assert not list((params.root / "results").rglob("*.safetensors"))


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_hub")
def test_counters_that_old_weights_lack_are_no_loss(tmp_path: Path, published: State) -> None:
    put(tmp_path, {name: t for name, t in published.items() if not name.endswith("num_batches_tracked")})
    state = public_classifier(NAME, RESNET_50, tmp_path)
    assert torch.equal(state["backbone.layer4.2.bn3.running_var"], published["layer4.2.bn3.running_var"])
    assert state["backbone.bn1.num_batches_tracked"] == 0


def without_classifier(state: State) -> None:
    del state["fc.weight"], state["fc.bias"]


def of_another_depth(state: State) -> None:
    for name in [name for name in state if name.startswith("layer3.5.")]:
        del state[name]


def with_a_prefix(state: State) -> None:
    for name in list(state):
        state[f"module.{name}"] = state.pop(name)


def of_other_classes(state: State) -> None:
    state["fc.weight"], state["fc.bias"] = torch.zeros(10, 2048), torch.zeros(10)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (without_classifier, r"\(missing: fc\.weight, fc\.bias\)"),
        (of_another_depth, r"\(missing: layer3\.5\.conv1\.weight, .* and 11 more\)"),
        (with_a_prefix, r"\(missing: conv1\.weight, .* more; not of this network: module\.\S+, .* more\)"),
        (of_other_classes, r"\(of another shape: fc\.bias \(10,\) for \(1000,\), fc\.weight \(10, 2048\) for "),
    ],
)
def test_other_files_are_refused_in_one_sentence(
    tmp_path: Path, published: State, damage: Callable[[State], None], found: str
) -> None:
    state = dict(published)
    damage(state)
    file = put(tmp_path, state)
    with pytest.raises(
        UserError, match=rf"{NAME} \({file}\) do not fit .*{found}.*with the classifier `fc`"
    ) as refusal:
        public_classifier(NAME, RESNET_50, tmp_path)
    assert len(str(refusal.value)) < 700


# --- names --------------------------------------------------------------------------------------------------------


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("timm.create_model", refuse)
    with pytest.raises(
        UserError, match=rf"cannot fetch .*{NAME}.*\(OSError\).* put it at .*weights/{NAME}\.safetensors"
    ):
        public_classifier(NAME, RESNET_50, tmp_path)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("name", ["resnet50.tv_in1", "resnet5000.tv_in1k"])
def test_a_name_that_timm_does_not_know(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UserError, match=rf"timm knows no weights '{name}' \(`public_weights` in params/backbones\.yaml\)"
    ):
        public_classifier(name, RESNET_50, tmp_path)
