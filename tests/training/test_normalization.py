"""Mean and deviation follow the weights, from their file to every job of a run."""

from pathlib import Path
from shutil import copyfile

import pytest
import torch
from safetensors.torch import save_file

from exfuse.commands import finetune, pretrain, score
from exfuse.errors import UserError
from exfuse.models import build_classifier
from exfuse.models.weights import save_weights
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import ClassifierInfo, Origin, read_info
from tests.params import Params, copy_params

RUN, BACKBONE = "gcn-resnet50", "resnet50"
OTHER = Normalization(mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.1))


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """`smoke` on a folder of trained backbones."""
    params = copy_params(repo_root, tmp_path)
    given(params).parent.mkdir(parents=True)
    params.put("presets/smoke.yaml", "backbone_weights", "trained/")
    return params


def given(params: Params) -> Path:
    """The file of the one backbone in the folder."""
    return params.root / "trained" / BACKBONE / "weights.safetensors"


def write_backbone(params: Params, normalization: Normalization) -> None:
    """A backbone as `exfuse pretrain` leaves it."""
    architecture = params.load("smoke").backbone(BACKBONE)
    info = ClassifierInfo(
        title="ResNet 50", backbone=architecture, num_classes=4, normalization=normalization, top1_error=None,
        origin=Origin(job=f"backbones/{BACKBONE}", key="0", preset="other", data="elsewhere", code="0"),
    )  # fmt: skip
    save_weights(given(params), build_classifier(architecture, 4).state_dict(), info)


def test_keys_of_runs_hold_what_their_backbone_was_trained_with(params: Params) -> None:
    write_backbone(params, OTHER)
    graph = params.graph("smoke")
    assert graph.spec.normalization(BACKBONE) == OTHER != graph.spec.preset.normalization
    expected = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.2, 0.1]}
    trained = {name: job for name, job in graph.jobs.items() if "normalization" in job.settings}
    runs = {name for name in graph.jobs if name.startswith(f"runs/{RUN}") and name.endswith("/trainaug")}
    assert len(runs) == 4
    mean, std = (entry for entry in graph.spec.ledger if entry.path.startswith("normalization"))
    assert (mean.value, std.value) == (expected["mean"], expected["std"])
    assert mean.source == std.source == "trained/: resnet50"
    assert trained.keys() == {f"backbones/{BACKBONE}", *runs}
    assert all(job.settings["normalization"] == expected for job in trained.values())


def test_a_stage_trains_and_is_scored_with_it(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    write_backbone(params, OTHER)
    graph = params.graph("smoke")
    params.finish(graph, f"backbones/{BACKBONE}", "data/sets/trainaug", "data/sets/val")
    copyfile(given(params), graph.layout.backbone(BACKBONE) / "weights.safetensors")
    used: list[Normalization] = []

    def stop(title: str, model: torch.nn.Module, settings: object, given: Normalization, *rest: object) -> None:
        scoring = score.inference_settings(graph, RUN, model)  # type: ignore[arg-type]
        used.extend((given, Normalization(mean=scoring.mean, std=scoring.std)))
        raise InterruptedError

    monkeypatch.setattr(finetune, "fine_tune", stop)
    with pytest.raises(InterruptedError):
        finetune.run(graph, RUN, "trainaug", 0)
    assert used == [OTHER, OTHER]


def test_weights_that_do_not_tell_are_refused_by_their_own_job(params: Params) -> None:
    """Not while the graph is read: `exfuse status` and all other jobs still work."""
    save_file(build_classifier(params.load("smoke").backbone(BACKBONE), 4).state_dict(), given(params))
    graph = params.graph("smoke")
    assert graph.jobs[f"backbones/{BACKBONE}"].settings["normalization"] is None
    with pytest.raises(UserError, match=r"trained/resnet50/weights\.safetensors does not say what it holds"):
        pretrain.run(graph, BACKBONE)
    assert not graph.layout.backbone(BACKBONE).exists()


def test_a_backbone_from_a_folder_keeps_its_own(params: Params) -> None:
    """Its new file says so too: a third preset may start from it."""
    write_backbone(params, OTHER)
    graph = params.graph("smoke")
    pretrain.run(graph, BACKBONE)
    assert read_info(graph.layout.backbone(BACKBONE) / "weights.safetensors").normalization == OTHER


def test_untrained_backbones_have_the_presets(params: Params) -> None:
    params.put("presets/smoke.yaml", "backbone_weights", "random")
    graph = params.graph("smoke")
    pretrain.run(graph, BACKBONE)
    info = read_info(graph.layout.backbone(BACKBONE) / "weights.safetensors")
    assert info.normalization == graph.spec.preset.normalization == graph.spec.normalization(BACKBONE)
