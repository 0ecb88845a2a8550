"""What jobs take: by rule, never part of a key, and of processes only as many as can share a batch."""

from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.spec.graph import Graph
from exfuse.spec.load import load, preset_names
from exfuse.spec.resources import ResourcesByRule
from exfuse.spec.rules import rule_of
from exfuse.spec.spec import Spec
from tests.params import Params


def test_the_paper_pretrains_on_eight_gpus_and_fine_tunes_on_one(paper: Spec) -> None:
    pretraining = paper.preset.pretraining
    assert pretraining.batch_size // (pretraining.micro_batch or 0) == paper.resources("pretrain").gpus == 8
    assert paper.resources("finetune").gpus == 1
    assert paper.resources("finetune_chain") == paper.resources("finetune")
    assert paper.resources("table").gpus == 0


def test_every_job_of_every_preset_has_resources(repo_root: Path) -> None:
    rules = set()
    for name in preset_names(repo_root):
        graph = Graph(load(repo_root, name))
        rules |= {rule_of(graph, job) for job in graph.jobs}
        assert all(graph.spec.resources(rule).hours > 0 for rule in rules)
    assert rules - {"finetune_chain"} == set(ResourcesByRule.model_fields) - {"common"}


@pytest.mark.parametrize("preset", ["mini", "smoke"])
def test_a_preset_on_the_processor_takes_no_gpu(params: Params, preset: str) -> None:
    params.put("presets/mini.yaml", "resources.pretrain.gpus", 3)
    assert params.load(preset).resources("pretrain").gpus == 0


def test_a_rule_changes_what_is_common(params: Params) -> None:
    params.put(
        "presets/mini.yaml", "resources", {"common": {"partition": "long", "hours": 3}, "finetune": {"hours": 5}}
    )
    spec = params.load("mini")
    assert (spec.resources("finetune").partition, spec.resources("finetune").hours) == ("long", 5)
    assert (spec.resources("table").partition, spec.resources("table").hours) == ("long", 3)
    with pytest.raises(KeyError):
        spec.resources("paint")


def test_no_key_holds_them(params: Params) -> None:
    before = params.keys("paper")
    for leaf, value in {"gpus": 4, "nodes": 2, "memory_gb": 1, "hours": 1, "partition": "gpu"}.items():
        params.put("presets/paper.yaml", f"resources.pretrain.{leaf}", value)
    params.put("presets/paper.yaml", "resources.common.memory_gb", 77)
    assert params.load("paper").resources("pretrain").team == 8
    assert params.keys("paper") == before


@pytest.mark.parametrize(
    ("preset", "rule", "changes", "words"),
    [
        ("paper", "pretrain", {"gpus": 3}, ("resources.pretrain gives 3", "8 micro-batches of pretraining")),
        ("paper", "pretrain", {"gpus": 8, "nodes": 2}, ("gives 16 processes (nodes 2 × 8)", "batch_size 256")),
        ("voc", "finetune", {"gpus": 2}, ("resources.finetune", "1 micro-batches of fine_tuning.coco (batch_size 10")),
        ("mini", "finetune", {"processes": 2}, ("resources.finetune", "1 micro-batches of fine_tuning.coco")),
        ("paper", "evaluate", {"gpus": 2}, ("evaluate takes one process",)),
        ("paper", "paint", {"gpus": 1}, ("unknown key 'resources.paint'", "did you mean")),
        ("paper", "probe", {"gpus": -1}, ("resources.probe.gpus = -1",)),
        ("paper", "probe", {"hours": 0}, ("resources.probe.hours = 0",)),
    ],
)
def test_what_does_not_fit_is_one_message(
    params: Params, preset: str, rule: str, changes: dict[str, int], words: tuple[str, ...]
) -> None:
    for leaf, value in changes.items():
        params.put(f"presets/{preset}.yaml", f"resources.{rule}.{leaf}", value)
    with pytest.raises(UserError) as caught:
        params.load(preset)
    assert all(word in str(caught.value) for word in (f"{preset}.yaml", *words)), caught.value


def test_a_backbone_that_is_only_fetched_takes_one_process(params: Params) -> None:
    params.put("presets/voc.yaml", "resources.pretrain", {"gpus": 8, "nodes": 4})
    assert params.load("voc").resources("pretrain").team == 1
