"""`exfuse status` and `exfuse times`."""

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
    expected = {**dict.fromkeys(graph.jobs, "fresh"), stage.name: "no files", "claims": "to run", "report": "to run"}
    assert _status(monkeypatch, capsys) == expected


def test_times_before_anything_ran(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "times") == 0
    assert capsys.readouterr().out.split() == ["rule", "count", "seconds", "longest", "memory"]
