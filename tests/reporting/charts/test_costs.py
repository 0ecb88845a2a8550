"""Costs: counted numbers beside mIoU, and time predicted against time taken, one point a run."""

import json

import pytest

from exfuse.files import write_json
from exfuse.reporting.charts import costs
from exfuse.reporting.costs import network_costs

FINISHED = 1767322983.0  # 2026-01-02T03:03:03, two minutes before what the results' provenance says


@pytest.fixture
def counted(results):
    job = results.graph.jobs["models/costs"]
    network = {"size": 64, "parameters": 1000, "macs": 2_000_000}
    content = {
        "key": job.key,
        "backbones": dict.fromkeys(results.spec.backbones, network),
        "runs": {name: {**network, "macs": 10 ** (6 + number % 3)} for number, name in enumerate(results.spec.runs)},
    }
    write_json(results.graph.layout.costs, content)
    results.finish(job)
    return results


def plan(results, jobs):
    start = {"when": FINISHED, "count": 2, "makespan": 100.0, "rates": "measured"}
    predicted = {name: {"rule": "finetune", "seconds": seconds, "start": FINISHED} for name, seconds in jobs.items()}
    write_json(results.graph.layout.base / "plan.json", {"starts": [start], "jobs": predicted})


def row(chart, run):
    return next(one for one in chart.table.rows if one[0] == run)


def test_points_are_the_runs_that_were_counted_and_evaluated(counted):
    counted.run("ss", 0.4321)
    counted.run("gcn-resnet50", 0.4)
    chart = costs.chart(counted.graph)
    macs, parameters = chart.spec["concat"]
    found = {one["run"]: one for one in macs["data"]["values"]}
    assert set(found) == {"ss", "gcn-resnet50"}
    assert found["ss"]["miou"] == pytest.approx(43.21)
    assert found["ss"]["kind"] == "with a part of ExFuse"
    assert found["gcn-resnet50"]["kind"] == "GCN"
    assert {one["parameters"] for one in parameters["data"]["values"]} == {1000}
    assert row(chart, "exfuse")[1:] == (*row(chart, "exfuse")[1:3], "–", "–", "–")
    assert any(note.startswith("exfuse: missing") for note in chart.notes)


def test_a_mean_is_rounded_once(counted):
    """59.9446 by way of 59.945 would be 59.95, where the tables say 59.94."""
    counted.run("gcn-resnext101-234", 0.599446)
    chart = costs.chart(counted.graph)
    assert row(chart, "gcn-resnext101-234")[3] == "59.94"
    assert "59.94%" in chart.alternative
    (point,) = chart.spec["concat"][0]["data"]["values"]
    assert f"{point['miou']:.2f}" == "59.94"


def test_times_are_sums_over_a_runs_own_trainings(counted):
    counted.run("ss", 0.4)
    counted.run("exfuse-resnext131-coco", 0.4)
    chain = [f"runs/exfuse-resnext131-coco/seed0/{stage}" for stage in ("coco", "trainaug", "train")]
    plan(counted, {"runs/ss/seed0/trainaug": 10.0, **dict.fromkeys(chain, 20.0)})
    chart = costs.chart(counted.graph)
    assert row(chart, "ss")[-2:] == ("10.0", "12.5")
    assert row(chart, "exfuse-resnext131-coco")[-2:] == ("60.0", "37.5")
    line, points = chart.spec["concat"][-1]["layer"]
    assert [(end["predicted"], end["took"]) for end in line["data"]["values"]] == [(10.0, 10.0), (60.0, 60.0)]
    assert len(points["data"]["values"]) == 2


@pytest.mark.parametrize("what", ["interrupted", "before", "undated", "unpredicted", "stale"])
def test_a_time_that_says_nothing_is_left_out(counted, what):
    counted.run("ss", 0.4)
    job = counted.graph.jobs["runs/ss/seed0/trainaug"]
    plan(counted, {} if what == "unpredicted" else {job.name: 10.0})
    file = job.manifest.with_name("provenance.json")
    content = json.loads(file.read_text())
    match what:
        case "interrupted":
            content["stretches"] = [{"from_step": 0}, {"from_step": 7}]
        case "before":
            content["finished"] = "2025-01-02T03:04:05+0000"
        case "undated":
            content["finished"] = "yesterday"
        case "stale":
            job.manifest.write_text('{"key": "old"}')
    write_json(file, content)
    assert "ss" not in costs.training_times(counted.graph)


@pytest.mark.parametrize("stated", [float("inf"), 10**400, -5, 0, 1.5, "many", True, None], ids=range(8))
@pytest.mark.parametrize("name", ["macs", "parameters", "size"])
def test_counts_that_cannot_be_are_none(counted, name, stated):
    file = counted.graph.layout.costs
    content = json.loads(file.read_text())
    content["runs"]["exfuse"][name] = stated
    file.write_text(json.dumps(content))
    counted.finish(counted.graph.jobs["models/costs"])
    assert network_costs(counted.graph) is None


@pytest.mark.parametrize("content", [None, "{", "[]", '{"key": "old"}', "damaged"])
def test_without_counts_there_is_a_note(results, content):
    results.run("ss", 0.4)
    job = results.graph.jobs["models/costs"]
    if content == "damaged":
        results.model("costs", {"key": job.key, "backbones": {}})
    elif content is not None:
        results.graph.layout.costs.parent.mkdir(parents=True)
        results.graph.layout.costs.write_text(content)
    chart = costs.chart(results.graph)
    assert "No network was counted" in chart.spec["mark"]["text"]
    assert "exfuse costs does it" in chart.notes[0]
