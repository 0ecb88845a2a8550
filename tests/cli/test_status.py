"""`exfuse status` and `exfuse times`."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.params import Params
from tests.program import call


def _status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert call(monkeypatch, "--preset", "smoke", "status") == 0
    *lines, last = capsys.readouterr().out.splitlines()
    states = {line[9:]: line[:9].strip() for line in lines}
    fresh = sum(state != "to run" for state in states.values())
    assert last == f"{fresh} of {len(states)} jobs are fresh"
    return states


def test_status_says_what_is_fresh_and_what_is_to_run(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = params.graph("smoke")
    assert _status(monkeypatch, capsys) == dict.fromkeys(graph.jobs, "to run")
    params.finish(graph)
    assert _status(monkeypatch, capsys) == dict.fromkeys(graph.jobs, "fresh")
    stage = graph.jobs["runs/ss/seed0/trainaug"]
    stage.outputs[0].unlink()
    params.put("claims.yaml", "coco.paper", 4.7)
    expected = {**dict.fromkeys(graph.jobs, "fresh"), stage.name: "no files"}
    expected |= dict.fromkeys(("claims", "report", "crate"), "to run")
    assert _status(monkeypatch, capsys) == expected


def _save(folder: Path, step: int, key: str, *, at: float | None = None, **about: str) -> None:
    """A state's file and its note; nobody reads the state here."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"step{step:09d}.pt").touch()
    note = folder / f"step{step:09d}.json"
    note.write_text(json.dumps({"step": step, "key": key, "sha256": "0", "stretches": [{"from_step": 0, **about}]}))
    if at is not None:
        os.utime(note, (at, at))


def test_status_says_where_interrupted_trainings_go_on(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = params.graph("smoke")
    backbone, stage = graph.jobs["backbones/resnet50"], graph.jobs["runs/ss/seed0/trainaug"]
    folder = graph.layout.training(backbone.name)
    now = time.time()
    _save(folder, 3, backbone.key, at=now, host="elsewhere")
    _save(folder, 5, "another key", host="elsewhere")
    (folder / "step000000009.json").write_text("{")
    _save(graph.layout.training(stage.name), 2, stage.key, at=0.0)
    lost = next(job for name, job in graph.jobs.items() if name.endswith("seed0/train"))
    _save(graph.layout.training(lost.name), 2, lost.key)
    (graph.layout.training(lost.name) / "step000000002.pt").unlink()
    total, of_stage = graph.spec.preset.pretraining.steps, graph.spec.fine_tuning("ss", "trainaug").steps
    lines = [name for name in _status(monkeypatch, capsys) if "  from step" in name]
    clock, long_ago = (time.strftime(form, time.localtime(at)) for form, at in (("%H:%M", now), ("%Y-%m-%d %H:%M", 0)))
    assert lines == [
        f"{backbone.name}  from step 3 of {total}, saved {clock} on elsewhere",
        f"{stage.name}  from step 2 of {of_stage}, saved {long_ago}",
    ]


def test_times_before_anything_ran(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "times") == 0
    assert capsys.readouterr().out.split() == ["rule", "count", "seconds", "longest", "start", "memory"]
