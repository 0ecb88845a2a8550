"""A job that should have a GPU does not end up on the processor without a word."""

from pathlib import Path

import pytest
import torch

from exfuse.commands.placing import prepared
from exfuse.errors import UserError
from exfuse.spec.graph import Graph
from tests.params import copy_params


@pytest.fixture
def graph(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """`smoke` for a GPU, which torch does not find."""
    monkeypatch.setattr("exfuse.training.device.prepare", lambda hardware, seed: torch.device("cpu"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    params = copy_params(repo_root, tmp_path)
    params.put("presets/smoke.yaml", "hardware.device", "auto")
    params.put("presets/smoke.yaml", "resources", {"finetune": {"gpus": 1}})
    return params.graph("smoke")


@pytest.mark.parametrize(("name", "value"), [("CUDA_VISIBLE_DEVICES", "0,1"), ("SLURM_JOB_ID", "7")])
def test_a_gpu_that_is_held_has_to_be_used(
    graph: Graph, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    hardware = graph.spec.preset.hardware
    with pytest.raises(UserError, match="torch finds no GPU that it can use, and this job holds one"):
        prepared(graph, "finetune", hardware, 0)
    prepared(graph, "evaluate", hardware, 0)  # asks for none
    prepared(graph, "finetune", hardware.model_copy(update={"device": "cpu"}), 0)


def test_without_any_gpu_it_is_said(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(graph, "finetune", graph.spec.preset.hardware, 0)
    assert capsys.readouterr().err == "no GPU here: this runs on the processor, which takes very much longer\n"
    prepared(graph, "evaluate", graph.spec.preset.hardware, 0)
    assert capsys.readouterr().err == ""
