"""Predicted against happened, from what jobs left behind."""

import re

import pytest

from exfuse.files import read_json, write_json
from exfuse.reporting.bill import Line, bill
from exfuse.reporting.costs import network_costs
from exfuse.reporting.lineage import all_records
from exfuse.reporting.report import write_report
from exfuse.reporting.tables import write_table
from exfuse.reporting.usage import usages
from exfuse.spec.manifest import provenance_file

FINISHED = 1767323045.0
"""2026-01-02T03:04:05 UTC, when all jobs of these results had finished, after 12.5 s each."""


def predict(results, seconds, start=FINISHED - 100, names=("backbones/resnet50", "backbones/resnet101")):
    jobs = {name: {"rule": "pretrain", "seconds": seconds, "start": start} for name in names}
    starts = [{"when": start, "count": 2, "makespan": 60.0, "rates": "rates: made up"}]
    write_json(results.graph.layout.base / "plan.json", {"jobs": jobs, "starts": starts})


def test_without_a_prediction_there_is_no_bill_and_the_page_says_how_to_get_one(results):
    assert bill(results.graph) is None
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    assert "<code>exfuse plan --preset mini --measure</code> before a run makes one" in html


def test_seconds_are_summed_by_rule(results):
    for name in ("resnet50", "resnet101"):
        results.backbone(name, 0.2)
    predict(results, 10.0)
    found = bill(results.graph)
    assert found.total == Line("all", 2, 20.0, 25.0)
    assert found.rules == (Line("pretrain", 2, 20.0, 25.0),)
    assert found.total.ratio == pytest.approx(0.8)
    assert (found.span.predicted, found.span.happened, found.span.jobs) == (60.0, 100.0, 2)


def finished(results, name, time):
    """When a job ended, as its provenance tells it."""
    file = provenance_file(results.graph.jobs[name].manifest)
    write_json(file, {**read_json(file), "finished": time})


def test_a_page_that_is_made_again_is_the_same(results):
    """Neither its own time nor that of its crate is in it; a day later it says what it said."""
    for name in ("resnet50", "resnet101"):
        results.backbone(name, 0.2)
    rules = {"backbones/resnet50": "pretrain", "backbones/resnet101": "pretrain", "report": "html", "crate": "crate"}
    jobs = {name: {"rule": rule, "seconds": 10.0, "start": FINISHED - 100} for name, rule in rules.items()}
    starts = [{"when": FINISHED - 100, "count": 2, "makespan": 60.0, "rates": "rates: made up"}]
    write_json(results.graph.layout.base / "plan.json", {"jobs": jobs, "starts": starts})
    write_report(results.graph)
    first = results.graph.layout.report.read_bytes()
    write_json(results.graph.layout.crate, {})
    for name in ("report", "crate"):
        results.finish(results.graph.jobs[name])
        finished(results, name, "2026-01-03T03:04:05+0000")
    write_report(results.graph)
    assert results.graph.layout.report.read_bytes() == first
    assert bill(results.graph).total.jobs == 2


def test_a_run_ends_with_its_last_training_or_evaluation(results):
    """A table of the same run that is made again an hour later does not lengthen it."""
    for name in ("resnet50", "resnet101"):
        results.backbone(name, 0.2)
    write_table(results.graph, "table3")
    results.finish(results.graph.jobs["tables/table3"])
    finished(results, "tables/table3", "2026-01-02T04:04:05+0000")
    predict(results, 10.0)
    plan = results.graph.layout.base / "plan.json"
    content = read_json(plan)
    content["jobs"]["tables/table3"] = {"rule": "table", "seconds": 1.0, "start": FINISHED - 100}
    write_json(plan, content)
    found = bill(results.graph)
    assert (found.total.jobs, found.span.jobs, found.span.happened) == (3, 2, 100.0)


def test_a_run_of_tables_alone_has_no_length(results):
    write_table(results.graph, "table3")
    results.finish(results.graph.jobs["tables/table3"])
    predict(results, 10.0, names=("tables/table3",))
    plan = results.graph.layout.base / "plan.json"
    content = read_json(plan)
    content["jobs"]["tables/table3"]["rule"] = "table"
    write_json(plan, content)
    assert bill(results.graph).span is None


def test_jobs_that_ran_before_they_were_predicted_do_not_count(results):
    results.backbone("resnet50", 0.2)
    predict(results, 10.0, start=FINISHED + 60)
    assert bill(results.graph) is None


def test_a_run_that_is_not_over_has_no_length(results):
    results.backbone("resnet50", 0.2)
    predict(results, 10.0)
    found = bill(results.graph)
    assert (found.total.jobs, found.span) == (1, None)


def test_jobs_made_under_another_key_do_not_count(results):
    results.backbone("resnet50", 0.2)
    job = results.graph.jobs["backbones/resnet50"]
    write_json(job.manifest, {"key": "another"})
    predict(results, 10.0)
    assert bill(results.graph) is None


def test_the_page_shows_both(results):
    for name in ("resnet50", "resnet101"):
        results.backbone(name, 0.2)
    predict(results, 10.0)
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    words = " ".join(re.sub(r"<[^>]*>", " ", html[html.index('id="bill"') :]).split())
    assert "20.0 s predicted, 25.0 s happened, ratio 0.80" in words
    assert "2 trainings and evaluations among them ran on 2 devices: 60.0 s predicted" in words
    assert "1.7 min happened until the last of them had ended" in words


def test_an_interrupted_training_is_left_out_and_the_page_says_so(results):
    """Its provenance has the seconds of its last process, of two."""
    for name in ("resnet50", "resnet101"):
        results.backbone(name, 0.2)
    file = provenance_file(results.graph.jobs["backbones/resnet101"].manifest)
    stretches = [{"from_step": step, "code": "abc", "host": "there"} for step in (0, 7)]
    write_json(file, {**read_json(file), "stretches": stretches[:1]})
    predict(results, 10.0)
    assert (bill(results.graph).total.jobs, bill(results.graph).interrupted) == (2, 0)
    write_json(file, {**read_json(file), "stretches": stretches})
    found = bill(results.graph)
    assert found.total == Line("all", 1, 10.0, 12.5)
    assert (found.interrupted, found.span) == (1, None)
    write_report(results.graph)
    assert "1 training was interrupted and is left out" in results.graph.layout.report.read_text()


def used(results, kind, name):
    records = all_records(results.graph)
    found = usages(results.graph, records, network_costs(results.graph), results.spec.devices)
    return next((one for one in found if (one.kind, one.name) == (kind, name)), None)


def test_a_run_is_all_its_jobs_together(results):
    """Training and evaluation of 12.5 s each, predicted with 10 s each; a backbone by itself."""
    results.backbone("resnet50", 0.2)
    results.run("gcn-resnet50", 0.4)
    stage = "runs/gcn-resnet50/seed0/trainaug"
    predict(results, 10.0, names=(stage, f"{stage}/val"))
    found = used(results, "run", "gcn-resnet50")
    assert (found.jobs, found.seconds, found.predicted, found.ratio) == (2, 25.0, 20.0, 0.8)
    backbone = used(results, "backbone", "resnet50")
    assert (backbone.jobs, backbone.seconds, backbone.predicted, backbone.ratio) == (1, 12.5, None, None)
    assert used(results, "run", "exfuse") is None


def test_a_run_of_which_a_part_was_not_predicted_has_no_prediction(results):
    results.run("gcn-resnet50", 0.4)
    predict(results, 10.0, names=("runs/gcn-resnet50/seed0/trainaug",))
    assert used(results, "run", "gcn-resnet50").predicted is None


def test_peak_memory_is_the_largest_and_energy_the_sum(results):
    """Of a training and a backbone that others start from, only its own jobs count: 2 × 1 h × 700 W."""
    results.run("gcn-resnet50", 0.4)
    stage = "runs/gcn-resnet50/seed0/trainaug"
    for name, memory in ((stage, 900), (f"{stage}/val", 700)):
        file = provenance_file(results.graph.jobs[name].manifest)
        about = {"gpu": "NVIDIA H200", "gpus": 1, "seconds": {"wall": 3600.0, "cpu": 1.0}, "peak_memory_mb": memory}
        write_json(file, {**read_json(file), **about})
    found = used(results, "run", "gcn-resnet50")
    assert (found.memory_mb, found.gpu_memory_mb) == (900, None)
    assert found.watt_hours == pytest.approx(1400.0)
    write_json(file, {**read_json(file), "gpu": "another"})
    assert used(results, "run", "gcn-resnet50").watt_hours is None  # a part of a sum would look like the sum


def test_an_interrupted_run_is_said_to_be_one(results):
    results.run("gcn-resnet50", 0.4)
    stage = "runs/gcn-resnet50/seed0/trainaug"
    file = provenance_file(results.graph.jobs[stage].manifest)
    stretches = [{"from_step": step, "code": "abc", "host": "there"} for step in (0, 7)]
    write_json(file, {**read_json(file), "stretches": stretches})
    predict(results, 10.0, names=(stage, f"{stage}/val"))
    found = used(results, "run", "gcn-resnet50")
    assert (found.interrupted, found.predicted) == (1, None)
    write_report(results.graph)
    assert "1 interrupted: last process alone" in results.graph.layout.report.read_text()


@pytest.mark.parametrize("cut", ["backbones", "runs"])
def test_costs_that_are_cut_are_none(results, cut):
    counted = {"parameters": 5, "macs": 7, "size": 64}
    spec = results.spec
    content = {"backbones": dict.fromkeys(spec.backbones, counted), "runs": dict.fromkeys(spec.runs, counted)}
    job = results.graph.jobs["models/costs"]
    results.model("costs", {**content, "key": job.key})
    results.finish(job)
    assert used(results, "run", "exfuse").cost.macs == 7
    del content[cut][next(iter(content[cut]))]
    results.model("costs", {**content, "key": job.key})
    results.finish(job)
    assert network_costs(results.graph) is None
