"""`exfuse plan` as a person calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exfuse.planning.counts import remember
from exfuse.planning.demands import demands, subjects
from exfuse.spec.graph import Graph
from tests.cli.conftest import left
from tests.cli.test_program import WITHOUT_TORCH
from tests.params import Params
from tests.planning.conftest import work
from tests.program import call

MEASURED = "--measure"


def count(params: Params, preset: str) -> Graph:
    """Counts a preset's networks, for nothing."""
    graph = params.graph(preset)
    remember(params.root, {key: work(one.images) for key, one in subjects(demands(graph)).items()})
    return graph


def test_the_papers_bill_imports_no_torch(params: Params, repo_root: Path) -> None:
    count(params, "paper")
    words = ("plan", "--preset", "paper", "--device", "h100", "--count", "8", "--price", "2.5")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words],
        env={**os.environ, "PYTHONPATH": str(repo_root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert done.stderr == ""
    assert lines[0] == "preset paper on 8 × NVIDIA H100 SXM: a prediction"
    assert "rates: 60% of the roofline (assumed; `--rate`)" in lines[1]
    assert "989.4 TFLOP/s, not measured (NVIDIA's data sheet" in lines[2]
    assert left(params.root) == set()


def test_the_preset_may_stand_before_the_verb_or_after_it(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    count(params, "voc")
    outputs = []
    for words in (("--preset", "voc", "plan", "--json", "-"), ("plan", "--preset", "voc", "--json", "-")):
        assert call(monkeypatch, *words) == 0
        outputs.append(json.loads(capsys.readouterr().out))
    assert outputs[0] == outputs[1]
    assert outputs[0]["preset"] == "voc"


def test_only_what_is_left_to_do(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = count(params, "smoke")
    params.finish(graph)
    graph.jobs["claims"].outputs[0].unlink()
    assert call(monkeypatch, "--preset", "smoke", "plan", "--todo", "--json", "left.json") == 0
    assert capsys.readouterr().out == "left.json: 1 jobs\n"
    assert [job["job"] for job in json.loads((params.root / "left.json").read_text())["jobs"]] == ["claims"]
    params.finish(graph)
    assert call(monkeypatch, "--preset", "smoke", "plan", "--todo") == 0
    assert capsys.readouterr().out == "preset smoke: nothing is left to do\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "h10"), "--device: unknown device 'h10'; did you mean 'h100'?"),
        (("--count", "0"), "--count 0: a plan needs at least one device."),
        (("--price", "-1"), "--price -1: give what a device costs an hour, 0 to 1e+09."),
        (("--price", "nan"), "--price nan: give what a device costs an hour, 0 to 1e+09."),
        (("--rate", "1.5"), "--rate 1.5: give the share of the roofline that is reached, 0.001 to 1."),
        (("--rate", "1e-320"), "--rate 9.99989e-321: give the share of the roofline that is reached, 0.001 to 1."),
        (("--price", "1e308"), "--price 1e+308: give what a device costs an hour"),
        (("--count", "10000000"), "--count 10000000: give 1000000 devices at most."),
        (("--rate", "0"), "--rate 0: give the share of the roofline"),
        (("--preset", "papr"), "unknown preset 'papr'; did you mean 'paper'?"),
        (("--preset", "paper", "--json", "no/such/../file/"), "cannot write"),
        (("--preset", "voc", "--measure"), "preset 'voc' is for GPUs, and there is none here."),
    ],
)
def test_what_cannot_be_planned_is_one_message(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    count(params, "paper")
    count(params, "mini")
    (params.root / "no").write_text("a file, no folder")
    assert call(monkeypatch, "plan", *words) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert left(params.root) == {"no"}


def test_what_an_interrupted_training_has_saved_is_not_left(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = count(params, "smoke")
    name = "backbones/resnet50"
    folder = graph.layout.training(name)
    folder.mkdir(parents=True)
    note = {"step": 3, "key": graph.jobs[name].key, "sha256": "", "stretches": []}
    (folder / "step3.json").write_text(json.dumps(note))
    (folder / "step3.pt").touch()
    samples = []
    for words in ((), ("--todo",)):
        assert call(monkeypatch, "--preset", "smoke", "plan", *words, "--json", "-") == 0
        jobs = json.loads(capsys.readouterr().out)["jobs"]
        samples += [job["samples"] for job in jobs if job["job"] == name]
    assert samples[0] - samples[1] == 3 * 8


def test_a_compiled_training_is_not_planned_for_and_the_plan_says_so(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    count(params, "smoke")
    assert call(monkeypatch, "--preset", "smoke", "plan") == 0
    assert "compile" not in capsys.readouterr().out
    params.put("presets/smoke.yaml", "hardware.compile", True)
    count(params, "smoke")
    assert call(monkeypatch, "--preset", "smoke", "plan") == 0
    assert "hardware.compile is not planned for" in capsys.readouterr().out
