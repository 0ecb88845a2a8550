"""Missing, extra, cut and contradictory files of results: the page is made, and says which and why, at their place."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.made_up import MadeUp
from exfuse.files import read_json, write_json, write_text
from exfuse.reporting.figures import write_figure
from exfuse.reporting.gallery.making import write_gallery
from exfuse.reporting.lineage import all_records
from exfuse.reporting.models import Usual, _mean_split, trained_runs
from exfuse.reporting.report import write_report
from exfuse.spec import manifest
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Measure
from exfuse.spec.spec import Spec

RUN = "runs/exfuse/seed0/trainaug"
CHARTS = ("confusion", "object-size", "boundary")


@pytest.fixture(scope="module")
def whole(mini: Spec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up reproduction, to be copied."""
    root = tmp_path_factory.mktemp("whole")
    graph = MadeUp(dataclasses.replace(mini, root=root), images=6).write()
    for name in CHARTS:
        _finish(graph, f"figures/{name}", lambda name=name: write_figure(graph, name))
    _finish(graph, "gallery", lambda: write_gallery(graph))
    return root


@pytest.fixture
def graph(mini: Spec, whole: Path, tmp_path: Path) -> Graph:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return Graph(dataclasses.replace(mini, root=tmp_path))


def _finish(graph, name, make):
    make()
    job = graph.jobs[name]
    upstream = {other: graph.jobs[other].key for other in job.upstream}
    manifest.write(
        job.manifest, job=name, key=job.key, settings=job.settings, upstream=upstream, outputs=list(job.outputs)
    )


def page(graph):
    write_report(graph)
    return graph.layout.report.read_text()


def place(html, identifier):
    """What a reader sees from an id on, up to the next section, row or figure, in one line."""
    part = re.split(rf'id="{identifier}"', html)[1]
    part = re.split(r"</tr>|</figure>|</section>|</details>", part)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def row(html, table, label):
    part = html.split(f'id="{table}"')[1].split(f'<th scope="row">{label}</th>')[1].split("</tr>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def file(graph, name, job=f"{RUN}/val"):
    return graph.jobs[job].manifest.with_name(name)


def shown(graph, name):
    return file(graph, name).relative_to(graph.spec.root).as_posix()


def test_nothing_is_wrong_with_the_whole(graph):
    html = page(graph)
    assert "measured" in row(html, "table3", "7")
    assert 'class="state state-is-measured"' in html
    assert not re.search(r'class="state state-is-(contradictory|unreadable)"', html)
    assert "no interval" not in place(html, "claim-exfuse-total")
    assert "unreadable: results" not in html


def test_missing_evaluation(graph):
    """Its job says that it is finished: only the place of the number can tell."""
    file(graph, "val.json").unlink()
    html = page(graph)
    said = f"missing {shown(graph, 'val.json')} is not there"
    assert said in row(html, "table3", "7")
    assert said.replace("missing ", "missing (") in place(html, "claim-exfuse-total")
    metrics = graph.jobs["backbones/resnet50"].manifest.with_name("metrics.json")
    metrics.unlink()
    assert "backbones/resnet50/metrics.json is not there" in row(page(graph), "table2", "Res50")


def _without_manifest(manifest):
    manifest.unlink()


def _cut(manifest):
    manifest.write_text('{"key": "')


def _of_other_settings(manifest):
    write_json(manifest, read_json(manifest) | {"key": "0" * 16})


def _listing_nothing(manifest):
    write_json(manifest, read_json(manifest) | {"outputs": {}})


@pytest.mark.parametrize(
    ("damage", "state"),
    [
        (_without_manifest, "missing"),
        (_cut, "unreadable"),
        (_of_other_settings, "stale"),
        (_listing_nothing, "contradictory"),
    ],
)
def test_a_number_without_its_manifest_does_not_count(graph, damage, state):
    """A manifest is written last: without it nobody knows that the evaluation is whole, or whose it is."""
    before = row(page(graph), "table3", "7")
    damage(graph.jobs[f"{RUN}/val"].manifest)
    html = page(graph)
    assert "measured" in before and state in row(html, "table3", "7")
    assert "measured" not in row(html, "table3", "7")
    assert state in place(html, "claim-exfuse-total")
    assert "what they measured is left out" in html or state in ("missing", "contradictory")


@pytest.mark.parametrize("length", [0, 40])
def test_cut_evaluation(graph, length):
    path = file(graph, "val.json")
    path.write_bytes(path.read_bytes()[:length])
    html = page(graph)
    assert "unreadable" in row(html, "table3", "7")
    assert "runs/exfuse/seed0/trainaug/val.json cannot be read" in row(html, "table3", "7")
    assert "unreadable" in place(html, "claim-exfuse-total")


def test_an_evaluation_that_is_gone_when_its_digest_is_taken(graph, monkeypatch):
    """A job that is made again beside the report takes its files away between two looks."""

    def gone(*_):
        raise FileNotFoundError

    monkeypatch.setattr("exfuse.reporting.evaluations.is_described", gone)
    html = page(graph)
    assert "unreadable" in row(html, "table3", "7")


def test_contradictory_evaluation(graph):
    path = file(graph, "val.json")
    write_json(path, read_json(path) | {"miou": 0.99})
    html = page(graph)
    assert "contradictory" in row(html, "table3", "7")
    assert "not the file that val.manifest.json describes" in row(html, "table3", "7")
    assert "99.00" not in html


@pytest.mark.parametrize("name", ["confusions.npz"])
def test_cut_counts_by_image_leave_the_number_and_take_the_interval(graph, name):
    path = file(graph, name)
    path.write_bytes(path.read_bytes()[:100])
    html = page(graph)
    assert "measured" in row(html, "table3", "7")
    claim = place(html, "claim-exfuse-total")
    assert "no interval" in claim
    assert "confusions.npz" in claim


def test_cut_provenance_and_history(graph):
    file(graph, "provenance.json", RUN).write_text("{")
    file(graph, "history.csv", RUN).write_text("step,lo")
    assert 'id="run-exfuse"' in page(graph)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_cut_chart(graph, content):
    graph.layout.figure("confusion", "vl.json").write_text(content)
    shown = place(page(graph), "figure-confusion")
    assert "unreadable: results/mini/figures/confusion.vl.json holds no chart" in shown


def test_a_chart_that_was_altered_is_not_shown(graph):
    path = graph.layout.figure("confusion", "vl.json")
    content = read_json(path)
    content["usermeta"]["caption"] = "Nobody measured this."
    write_json(path, content)
    html = page(graph)
    wanted = "contradictory: results/mini/figures/confusion.vl.json is not the file that its manifest describes"
    assert wanted in place(html, "figure-confusion")
    assert "Nobody measured this." not in html


def test_a_figure_that_was_cut_is_not_shown(graph):
    _finish(graph, "figures/figure7", lambda: write_figure(graph, "figure7"))
    assert "contradictory" not in place(page(graph), "figure-figure7")
    path = graph.layout.figure("figure7")
    path.write_bytes(path.read_bytes()[:500])
    html = page(graph)
    wanted = "contradictory: results/mini/figures/figure7.svg is not the file that its manifest describes"
    assert wanted in place(html, "figure-figure7")
    assert "data:image/svg+xml" not in html


@pytest.mark.parametrize("stated", [0.123456, 1e400, 10**400, -0.5, 1.5, "high"], ids=lambda value: str(value)[:9])
def test_boundary_and_interior_of_what_does_not_count_are_not_shown(graph, stated):
    """An altered file does not count at all, and of a file that counts only fractions do."""
    path, job = file(graph, "val.json"), graph.jobs[f"{RUN}/val"]
    measure = Measure(run="exfuse")
    assert {*_mean_split(graph, measure, [0])} == {"boundary_miou", "interior_miou"}
    path.write_text(json.dumps(read_json(path) | {"boundary_miou": stated}))
    (run,) = (one for one in trained_runs(graph, Usual(graph, all_records(graph))) if one.name == "exfuse")
    assert (run.plain.status, run.boundary, run.interior) == ("contradictory", None, None)
    manifest.write(job.manifest, job=job.name, key=job.key, settings={}, upstream={}, outputs=list(job.outputs))
    (run,) = (one for one in trained_runs(graph, Usual(graph, all_records(graph))) if one.name == "exfuse")
    assert run.plain.status == "measured"
    assert run.boundary == (pytest.approx(12.3456) if stated == 0.123456 else None)
    assert run.interior is not None


@pytest.mark.parametrize("stated", ["1" * 400, "1" * 5000, "NaN", "1e400", "-" + "1" * 400], ids=range(5))
def test_a_score_that_is_no_fraction(graph, stated):
    path = file(graph, "val.json")
    path.write_text(json.dumps(read_json(path) | {"miou": "here"}).replace('"here"', stated))
    html = page(graph)
    assert "unreadable" in row(html, "table3", "7")
    assert "1" * 100 not in html


def test_names_that_utf8_cannot_hold_are_spelt(graph):
    (graph.layout.base / "runs" / os.fsdecode(b"\xe9t\xe9")).mkdir()
    provenance = file(graph, "provenance.json", RUN)
    write_text(provenance, json.dumps(read_json(provenance) | {"host": "\ud800"}))
    html = page(graph)
    assert "runs/\\udce9t\\udce9" in html
    assert "\\ud800" in html


@pytest.mark.parametrize("content", ["", "{", "[]", '{"images": 3}'])
def test_cut_gallery(graph, content):
    graph.layout.gallery.write_text(content)
    shown = place(page(graph), "gallery")
    assert "unreadable: results/mini/figures/gallery.json is cut or of another format" in shown


def test_a_gallery_that_was_altered_is_not_shown(graph):
    content = read_json(graph.layout.gallery)
    content["pictures"][0] |= {"exfuse": 0.1, "gcn": 0.99}
    write_json(graph.layout.gallery, content)
    shown = place(page(graph), "gallery")
    assert "contradictory: results/mini/figures/gallery.json is not the file that its manifest describes" in shown
    assert "10.0%" not in shown


def test_extra_folders_are_told(graph):
    for extra in ("runs/exfuse-mine/seed0", "runs/exfuse/seed7", "backbones/vgg16"):
        (graph.layout.base / extra).mkdir(parents=True)
        (graph.layout.base / extra / "weights.safetensors").write_bytes(b"")
    html = page(graph)
    for extra in ("runs/exfuse-mine", "runs/exfuse/seed7", "backbones/vgg16"):
        assert extra in html
