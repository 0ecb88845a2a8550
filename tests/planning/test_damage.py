"""Remembered files that somebody damaged count for none."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exfuse.planning.counts import known_works, remember
from exfuse.planning.demands import demands, subjects
from exfuse.planning.measured import Measurement, rates_file, read_measurement, write_measurement
from exfuse.planning.prediction import read_prediction, record
from exfuse.planning.rates import Measured
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Hardware
from tests.params import Params
from tests.planning.conftest import work

HARDWARE = Hardware(threads=1, workers=0, device="cpu")


def damaged(content: Any, place: str, value: Any) -> Any:
    """A copy with another value at a dotted place."""
    copy = json.loads(json.dumps(content))
    *above, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    node = copy
    for part in above:
        node = node[part]
    node[last] = value
    return copy


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("images", "x"),
        ("images", 0),
        ("images", True),
        ("forward.other_bytes", None),
        ("backward.others", 1.5),
        ("forward.products.0.1", "12"),
        ("forward.products.0", 7),
        ("forward.products.0", [1, 2]),
        ("saved_bytes", float("nan")),
        ("saved_bytes", -1),
        ("parameters", 10**400),
        ("forward", []),
        ("surplus", 1),
    ],
)
def test_counts(params: Params, place: str, value: Any) -> None:
    graph = params.graph("smoke")
    first, second = list(subjects(demands(graph)))[:2]
    good = work(2).plain()
    file = params.root / ".exfuse" / "counts.json"
    file.parent.mkdir()
    file.write_text(json.dumps({first: damaged(good, place, value), second: good}))
    assert set(known_works(graph, [first, second])) == {second}


@pytest.mark.parametrize("content", [{"counted": [1]}, {"counted": None}, [1], {"counted": {"x": 1}}])
def test_counts_of_the_job(params: Params, content: object) -> None:
    graph = params.graph("smoke")
    graph.layout.costs.parent.mkdir(parents=True)
    graph.layout.costs.write_text(json.dumps(content))
    assert known_works(graph, ["x", "y"]) == {}


def measured() -> Measurement:
    rates = Measured({"a": 1.0}, {"a": 0.01}, (0.5, 4.0))
    return Measurement(device="a core", cores=True, side_by_side=2, when="2026-01-02 03:04", rates=rates)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("rates.parts.a", "1"),
        ("rates.parts.a", float("nan")),
        ("rates.parts.a", float("inf")),
        ("rates.passes.a", -1),
        ("rates.passes", [1]),
        ("rates.start", [1.0]),
        ("rates.start", [1.0, 2.0, 3.0]),
        ("rates.start", 5),
        ("rates.start.1", None),
        ("side_by_side", 0),
        ("side_by_side", "2"),
        ("cores", "yes"),
        ("device", 4),
        ("when", None),
    ],
)
def test_rates(tmp_path: Path, place: str, value: Any) -> None:
    write_measurement(tmp_path, HARDWARE, measured())
    assert read_measurement(tmp_path, HARDWARE) == measured()
    file = rates_file(tmp_path, HARDWARE)
    file.write_text(json.dumps(damaged(json.loads(file.read_text()), place, value)))
    assert read_measurement(tmp_path, HARDWARE) is None


@pytest.mark.parametrize(
    "changes",
    [{"threads": 2}, {"workers": 1}, {"deterministic": True}, {"device": "auto"}],
    ids=lambda one: next(iter(one)),
)
def test_rates_under_other_settings_are_others(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_measurement(tmp_path, HARDWARE, measured())
    assert read_measurement(tmp_path, HARDWARE.model_copy(update=changes)) is None
    assert read_measurement(tmp_path, HARDWARE.model_copy(update={"minutes_between_states": 1.0})) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("jobs.claims.seconds", "1"),
        ("jobs.claims.start", float("nan")),
        ("starts.0.makespan", None),
        ("starts.0.count", 0),
    ],
)
def test_predictions(params: Params, counted: Callable[[Graph], dict[str, Work]], place: str, value: Any) -> None:
    graph = params.graph("smoke")
    remember(params.root, counted(graph))
    record(graph)
    assert read_prediction(graph) is not None
    file = graph.layout.base / "plan.json"
    file.write_text(json.dumps(damaged(json.loads(file.read_text()), place, value)))
    assert read_prediction(graph) is None


def test_two_that_remember_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    def store(name: str) -> None:
        for number in range(20):
            remember(tmp_path, {f"{name}{number}": work(1)})

    threads = [threading.Thread(target=store, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = json.loads((tmp_path / ".exfuse" / "counts.json").read_text())
    assert all(Work.of(one) == work(1) for one in content.values())
    assert "a19" in content or "b19" in content
