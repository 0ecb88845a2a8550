"""Each job's manifest and provenance: from the page back to the archives, and never in the way of the page."""

import json
import re

import pytest

from exfuse.files import read_json, write_json, write_text
from exfuse.reporting.lineage import all_records, environments, log_end, record, sources
from exfuse.reporting.report import write_report
from exfuse.spec.manifest import provenance_file

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-2, appendix B.1."""
STAGE = "runs/gcn-resnet50/seed0/trainaug"


def page(results):
    write_report(results.graph)
    return results.graph.layout.report.read_text()


def entry(html, kind, name):
    """What the page says of a run or a backbone, as words."""
    block = re.search(rf'<details class="made" id="{kind}-{name}">(.*?)\n</details>', html, re.S)[1]
    return " ".join(re.sub(r"<[^>]*>", " ", block).split())


def say(results, name, **facts):
    """Adds to a job's provenance."""
    file = provenance_file(results.graph.jobs[name].manifest)
    write_json(file, {**read_json(file), **facts})


def test_a_run_leads_back_to_the_archives(results):
    """Each "made from" is a link to the place that says what that was made from."""
    graph = results.graph
    results.everything()
    for name in ("archives", "data/voc", "data/sbd", "data/imagenet", "data/sets/trainaug"):
        job = graph.jobs[name]
        for output in job.outputs:
            output.parent.mkdir(parents=True, exist_ok=True)
            write_text(output, "abc")
        results.finish(job)
    html = page(results)
    keys = {name: graph.jobs[name].key for name in graph.jobs}
    words = entry(html, "run", "gcn-resnet50")
    assert f"backbones/resnet50 {keys['backbones/resnet50']} , data/sets/trainaug {keys['data/sets/trainaug']}" in words
    assert f"data/imagenet {keys['data/imagenet']}" in entry(html, "backbone", "resnet50")
    rows = {row[0]: row[1] for row in re.findall(r'<tr id="(set-trainaug|prepared-voc)">(.*?)</tr>', html, re.S)}
    assert 'href="#prepared-voc"' in rows["set-trainaug"]
    assert keys["data/voc"] in rows["set-trainaug"]
    assert f"sha256:{ABC}" in rows["set-trainaug"]
    assert keys["data/voc"] in rows["prepared-voc"]
    archives = html[html.index('id="archive-files"') :].partition("</table>")[0]
    assert re.search(rf"VOCtrainval_11-May-2012\.tar</th>.*?sha256:{ABC}", archives)


def test_a_job_says_what_it_took(results):
    results.backbone("resnet50", 0.2)
    results.run("gcn-resnet50", 0.4)
    say(results, STAGE, peak_memory_mb=1234, seconds={"wall": 12.5, "cpu": 11.0})
    write_text(results.graph.layout.log(STAGE), "words\n")
    words = entry(page(results), "run", "gcn-resnet50")
    assert "12.5 s; 11.0 s of the processor; at most 1,234 MB of memory; finished 2026-01-02T03:04:05+0000" in words
    assert f"Messages results/mini/logs/{STAGE}.log" in words
    assert f"exfuse do {STAGE}" in words


def test_what_lies_upstream_now_is_compared_with_what_was_read(results):
    results.backbone("resnet50", 0.2)
    results.run("gcn-resnet50", 0.4)
    backbone, sets = sources(results.graph, record(results.graph, STAGE))
    assert (backbone.job, backbone.kind, backbone.name, backbone.problem) == (
        "backbones/resnet50",
        "backbone",
        "resnet50",
        "",
    )
    assert (sets.kind, sets.name, sets.problem) == ("set", "trainaug", "not there any more")
    manifest = results.graph.jobs["backbones/resnet50"].manifest
    write_json(manifest, {**read_json(manifest), "key": "another"})
    assert sources(results.graph, record(results.graph, STAGE))[0].problem == "what lies there now is another, another"
    assert "what lies there now is another" in entry(page(results), "run", "gcn-resnet50")


def test_files_that_are_gone_or_of_another_length_are_told(results):
    results.backbone("resnet50", 0.2)
    folder = results.graph.jobs["backbones/resnet50"].manifest.parent
    assert [one.problem for one in record(results.graph, "backbones/resnet50").files] == ["", ""]
    (folder / "history.csv").unlink()
    write_text(folder / "metrics.json", "{}")
    found = {one.name: one.problem for one in record(results.graph, "backbones/resnet50").files}
    assert found == {"history.csv": "not here any more", "metrics.json": "another now: 2 bytes"}
    words = entry(page(results), "backbone", "resnet50")
    assert "not here any more" in words
    assert "another now: 2 bytes" in words


def test_environments_are_numbered_and_shared(results):
    for name in ("resnet50", "resnet101", "resnext101"):
        results.backbone(name, 0.2)
    say(results, "backbones/resnext101", device="cuda:0", gpu="NVIDIA H200", gpus=8)
    found = list(environments(all_records(results.graph)).values())
    assert [(one.number, one.jobs) for one in found] == [(1, 2), (2, 1)]
    assert dict(found[1].facts)["gpu"] == "NVIDIA H200"
    html = page(results)
    assert html.count('href="#environment-1"') == 2
    assert re.search(r'id="environment-2".*?NVIDIA H200', html, re.S)
    assert "NVIDIA H200; environment 2" in entry(html, "backbone", "resnext101")


def test_the_log_of_a_job_that_failed_is_shown_at_its_end(results):
    """Twenty lines at most, without the path of the repository on this machine; hostile ones are words."""
    root = results.spec.root.resolve()
    lines = [f"line {number}" for number in range(50)] + [f"error: {root}/results <script>alert(1)</script>"]
    write_text(results.graph.layout.log(STAGE), "\n".join(lines) + "\n")
    end = log_end(results.graph, record(results.graph, STAGE))
    assert end.splitlines() == [
        *(f"line {number}" for number in range(31, 50)),
        "error: results <script>alert(1)</script>",
    ]
    html = page(results)
    assert "error: results &lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert str(root) not in html
    results.run("gcn-resnet50", 0.4)
    assert log_end(results.graph, record(results.graph, STAGE)) == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", "[1, 2]"),
        ("manifest.json", "cut {"),
        ("manifest.json", {"outputs": ["history.csv"]}),
        ("manifest.json", {"outputs": {"history.csv": "a digest"}}),
        ("manifest.json", {"outputs": {"history.csv": {"sha256": 1, "bytes": "many"}}}),
        ("manifest.json", {"outputs": {"/etc/passwd": {"sha256": "0"}, "../../../../../x": {"bytes": 1}}}),
        ("manifest.json", {"settings": [1, {"a": 2}], "upstream": "none"}),
        ("manifest.json", {"upstream": {"backbones/resnet50": None}}),
        ("provenance.json", "[]"),
        ("provenance.json", {"stretches": [{}, {"code": 1}, 7]}),
        ("provenance.json", {"stretches": "twice", "seconds": 12.5, "finished": "yesterday"}),
        ("provenance.json", {"seconds": {"wall": "long", "cpu": None}, "peak_memory_mb": "much", "gpus": "all"}),
        ("provenance.json", '{"seconds": {"wall": NaN, "cpu": 1e400}, "peak_memory_mb": -1}'),
        ("provenance.json", {"finished": "0001-01-01T00:00:00"}),
        ("provenance.json", {"finished": "0001-01-01T00:00:00+14:00"}),
        ("provenance.json", {"finished": "9999-12-31T23:59:59-14:00"}),
        ("provenance.json", '{"host": "\\ud800", "code": "\\udce9"}'),
        ("provenance.json", "[" * 100_000),
        ("manifest.json", "[" * 100_000),
        ("manifest.json", {"outputs": {"a\0b": {"sha256": "0", "bytes": 1}, "\ud800": {}}}),
        ("provenance.json", {"code": None, "libraries": [], "command": {"a": 1}, "gpu": "NVIDIA H200", "gpus": 0}),
    ],
)
def test_damaged_files_are_never_in_the_way_of_the_page(results, name, content):
    results.backbone("resnet50", 0.2)
    results.run("gcn-resnet50", 0.4)
    file = results.graph.jobs[STAGE].manifest.with_name(name)
    if isinstance(content, str):
        write_text(file, content)
    else:
        key = {"key": results.graph.jobs[STAGE].key} if name == "manifest.json" else {}
        write_text(file, json.dumps({**key, **content}))
    assert 'id="run-gcn-resnet50"' in page(results)


@pytest.mark.parametrize("stated", [10**400, 2**63, -5, True, 1.5, "5"], ids=range(6))
def test_a_length_that_no_file_has_is_not_known(results, stated):
    results.backbone("resnet50", 0.2)
    manifest = results.graph.jobs["backbones/resnet50"].manifest
    content = read_json(manifest)
    content["outputs"]["history.csv"]["bytes"] = stated
    write_text(manifest, json.dumps(content))
    (file,) = (one for one in record(results.graph, "backbones/resnet50").files if one.name == "history.csv")
    assert (file.size, file.problem) == (None, "")


def test_a_set_whose_list_is_cut_is_told(results):
    results.val_set()
    source = results.graph.layout.set("val")
    source.write_text("id,source\n2007_000001\n2007_000002,voc\n")
    results.finish(results.graph.jobs["data/sets/val"])
    assert "1 unknown, 1 voc" in page(results)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_cannot_be_is_none(results, moment):
    results.backbone("resnet50", 0.2)
    say(results, "backbones/resnet50", finished=moment)
    about = record(results.graph, "backbones/resnet50")
    assert (about.ended, about.began) == (None, None)


def test_times_of_an_interrupted_training_are_told_as_its_last_process_alone(results):
    results.backbone("resnet50", 0.2)
    results.run("gcn-resnet50", 0.4)
    assert "last process alone" not in page(results)
    stretches = [{"from_step": 0, "code": "a", "host": "b"}, {"from_step": 10, "code": "a", "host": "b"}]
    for name in ("backbones/resnet50", STAGE):
        say(results, name, stretches=stretches)
    html = page(results)
    cell = '<td class="number">12.5 s<small>interrupted: last process alone</small></td>'
    assert cell in html
    assert '<td class="number">25.0 s<small>1 interrupted: last process alone</small></td>' in html
    assert "of the 2 trainings that were interrupted this has the last process alone" in html
