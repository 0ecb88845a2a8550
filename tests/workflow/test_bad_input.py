"""What a person gets who mistyped, lost an archive, or may not write: one message, exit code ≠ 0, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow


def _refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in output
    messages = [line for line in output.splitlines() if line.strip().startswith("error:")]
    assert len(messages) == 1, output[-2000:]
    for word in words:
        assert word in messages[0]


def test_wrong_preset(empty: Clone) -> None:
    _refused(empty.snakemake("--config", "preset=mimi"), "preset 'mimi'", "did you mean 'mini'?")


def test_unknown_key(empty: Clone) -> None:
    empty.edit("params/presets/smoke.yaml", "data: smoke", "data: smoke\nsedes: 3")
    _refused(empty.snakemake("--config", "preset=smoke"), "smoke.yaml", "unknown key 'sedes'", "'seeds'")


def test_mistyped_run(empty: Clone) -> None:
    empty.edit(
        "params/tables.yaml",
        "    - {label: Deconv + Supervised, cells: {miou: {paper: 78.2, measure: {run: ss-lr-deconv-supervised}}}}",
        "    - {label: Deconv + Supervised, cells: {miou: {paper: 78.2, measure: {run: ss-lr-deconv-supervized}}}}",
    )
    _refused(empty.snakemake("table4"), "tables.yaml: table4", "did you mean 'ss-lr-deconv-supervised'?")


def test_unknown_setting(empty: Clone) -> None:
    _refused(empty.snakemake("--config", "prest=mini"), "'prest'")


def test_all_missing_archives_are_told_at_once(empty: Clone) -> None:
    target = "results/paper/data/sets/trainaug.csv"
    _refused(
        empty.snakemake("--config", "preset=paper", "--", target),
        "data/official/VOCtrainval_11-May-2012.tar is missing",
        "`exfuse data fetch voc` downloads it",
        "data/official/benchmark.tgz is missing",
    )
    assert not (empty.root / "results/paper/data").exists()


def test_missing_own_data(empty: Clone) -> None:
    datasets = empty.root / "params/datasets.yaml"
    datasets.write_text(datasets.read_text() + "  mine: {title: mine, own: {classes: [road, sky]}}\n")
    preset = "extends: smoke\ndescription: mine\ndata: mine\nclasses: null\nbackbone_weights: random\n"
    (empty.root / "params/presets/mine.yaml").write_text(preset)
    _refused(empty.snakemake("--config", "preset=mine"), "data/mine is no folder", "`data_root`")


@pytest.mark.parametrize("place", [".exfuse", "results", "data"])
def test_folders_that_cannot_be_written(empty: Clone, place: str) -> None:
    """A file where a folder has to be: refused for root too, whom permissions do not stop."""
    (empty.root / place).write_text("in the way\n")
    _refused(empty.snakemake("--config", "preset=smoke"), "cannot write", place)
    assert (empty.root / place).read_text() == "in the way\n"


def test_two_at_once(empty: Clone) -> None:
    (empty.root / "workflow/rules/report.smk").open("a").write(
        "\n\nrule wait:\n    output: 'never'\n    shell: 'sleep 60'\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "1", "wait"], cwd=empty.root, env=empty.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert first.stderr is not None
        for line in first.stderr:
            if "rule wait:" in line:
                break
        _refused(empty.snakemake("--config", "preset=smoke"), "another snakemake", str(first.pid))
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert "Traceback" not in empty.snakemake("--dry-run", "table5").stderr
