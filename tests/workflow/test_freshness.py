"""Keys, not clocks: what reruns in real Snakemake, and what does not."""

import json
import shutil

import pytest

from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow


def test_a_second_call_has_nothing_to_do(finished: Clone) -> None:
    assert "Nothing to be done" in finished.smoke().stderr


def test_a_clone_with_random_times_has_nothing_to_do(clone: Clone) -> None:
    for seed in range(3):
        clone.scramble_times(seed)
        assert clone.jobs_to_run() == {}


def test_deleted_records_and_comments_rerun_nothing(clone: Clone) -> None:
    shutil.rmtree(clone.root / ".snakemake", ignore_errors=True)
    for file in (clone.root / "params").rglob("*.yaml"):
        file.write_text("# a remark\n" + file.read_text() + "\n# another\n")
    clone.scramble_times(7)
    assert "Nothing to be done" in clone.smoke().stderr


def test_missing_weights_alone_rerun_nothing(clone: Clone) -> None:
    for file in (clone.root / "results").rglob("weights.safetensors"):
        file.unlink()
    assert clone.jobs_to_run() == {}


def test_a_deleted_table_and_a_deleted_figure_are_made_again(clone: Clone) -> None:
    (clone.root / "results/smoke/tables/table3.csv").unlink()
    (clone.root / "results/smoke/figures/figure7.svg").unlink()
    assert clone.jobs_to_run() == {"table": 1, "figure": 1, "all": 1}


def test_a_changed_stage_reruns_itself_and_what_reads_it(clone: Clone) -> None:
    """`trainval` is the last stage of Table 8's two runs, which are wide; nothing else reads it."""
    kept = clone.root / "results/smoke/runs/exfuse-resnext131-coco/seed0/train/weights.safetensors"
    before = kept.stat().st_mtime_ns
    clone.scramble_times(11)
    kept_after_scramble = kept.stat().st_mtime_ns
    assert kept_after_scramble != before
    steps = (
        '  trainval:\n    steps: {value: 2, source: assumption, why: "smoke: runs, and nothing more"}\n    wide_steps'
    )
    clone.edit("params/presets/smoke.yaml", f"{steps}: {{value: 2,", f"{steps}: {{value: 3,")
    expected = {"finetune_chain": 2, "submit": 2, "table": 1, "chart": 1, "html": 1, "crate": 1, "all": 1}
    assert clone.jobs_to_run() == expected
    clone.smoke()
    assert kept.stat().st_mtime_ns == kept_after_scramble
    assert clone.jobs_to_run() == {}


def test_a_changed_backbone_reruns_its_runs_only(clone: Clone) -> None:
    clone.edit(
        "params/presets/mini.yaml",
        "resnet50-ss:\n    blocks: {value: [1, 1, 2, 1]",
        "resnet50-ss:\n    blocks: {value: [1, 1, 1, 1]",
    )
    assert clone.jobs_to_run("table2") == {"pretrain": 1, "finetune": 1, "evaluate": 1, "table": 1, "table2": 1}
    assert clone.jobs_to_run("table5") == {}


def test_an_evaluation_setting_trains_nothing(clone: Clone) -> None:
    stage = clone.root / "results/smoke/runs/ss-lr-seb-dap/seed0/trainaug"
    in_training = json.loads((stage / "val.json").read_text())
    predicted = (stage / "predictions.zip").read_bytes()
    clone.edit("params/presets/mini.yaml", "boundary_width: {value: 0.875,", "boundary_width: {value: 2.0,")
    assert clone.jobs_to_run("table5") == {"evaluate": 3, "table": 1, "table5": 1}
    clone.smoke("table5")
    assert clone.jobs_to_run("table5") == {}
    apart = json.loads((stage / "val.json").read_text())
    assert (apart["miou"], apart["iou"]) == (in_training["miou"], in_training["iou"])
    assert apart["boundary_miou"] != in_training["boundary_miou"]
    assert (stage / "predictions.zip").read_bytes() == predicted


def test_switching_back_reruns_only_what_was_replaced(clone: Clone) -> None:
    clone.edit("params/claims.yaml", "paper: 4.6", "paper: 4.7")
    assert clone.jobs_to_run() == {"claims": 1, "html": 1, "crate": 1, "all": 1}
    clone.edit("params/claims.yaml", "paper: 4.7", "paper: 4.6")
    assert clone.jobs_to_run() == {}


def test_an_altered_archive_is_made_again_and_nothing_else(clone: Clone) -> None:
    archive = clone.root / "data/smoke/benchmark.tgz"
    original = archive.read_bytes()
    archive.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    assert clone.jobs_to_run().get("archives") == 1
    clone.smoke()
    assert archive.read_bytes() == original
    assert clone.jobs_to_run() == {}


def test_forced_jobs_and_all_that_follows_are_made_again(clone: Clone) -> None:
    clone.scramble_times(5)
    planned = clone.jobs_to_run("table5", options=("--forcerun", "finetune"))
    assert planned == {"finetune": 3, "evaluate": 3, "table": 1, "table5": 1}
    stage = "results/smoke/runs/ss-lr-seb/seed0/trainaug"
    planned = clone.jobs_to_run(options=("--forcerun", f"{stage}/manifest.json"))
    assert planned == {
        "finetune": 1,
        "evaluate": 1,
        "table": 2,
        "claims": 1,
        "chart": 5,
        "html": 1,
        "crate": 1,
        "all": 1,
    }
    assert clone.jobs_to_run() == {}
