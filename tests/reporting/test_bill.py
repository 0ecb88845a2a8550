"""Predicted against happened, from what jobs left behind."""

import re

import pytest

from exfuse.files import read_json, write_json
from exfuse.reporting.bill import Line, bill
from exfuse.reporting.report import write_report
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
    assert "2 jobs on 2 devices): 60.0 s predicted, 1.7 min happened" in words


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
