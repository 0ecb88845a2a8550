"""Charts as files and in the page: they compile, have the same bytes each time, and are deaf to what names hold."""

import dataclasses
import json
import re
from itertools import pairwise

import numpy as np
import pytest
import vl_convert

from exfuse.evaluation.results import SegmentationResult, write_confusions
from exfuse.files import write_text
from exfuse.reporting.charts.chart import Panels, number, signed
from exfuse.reporting.charts.files import write_chart
from exfuse.reporting.charts.plans import PLANS
from exfuse.reporting.charts.script import bundle
from exfuse.reporting.charts.theme import FIXED, LIVE, theme
from exfuse.reporting.embedded import page_charts
from exfuse.spec.datasets import VOC_CLASSES
from exfuse.spec.graph import CHARTS, SIZE_EFFECTS
from exfuse.spec.own import OwnData

COMPARED = [run for pair in SIZE_EFFECTS.values() for run in pair]
HOSTILE = "</script><script>alert('1')</script> & \"quotes\" \\ datum['x'] 标签 " + "x" * 200


def confusions(results):
    side = len(results.spec.classes)
    for run in ("gcn-resnext101", "exfuse"):
        job = results.graph.jobs[f"{results.graph.last_stage(run, 0)}/val"]
        counts = np.arange(side * side, dtype=np.int32).reshape(1, side, side)
        write_confusions(job.manifest.with_name("confusions.npz"), [SegmentationResult(("a",), counts, counts, False)])
        results.finish(job)


@pytest.fixture
def complete(results):
    results.everything()
    confusions(results)
    return results


@pytest.fixture
def hostile(results):
    """All results, where a class and the rows of Table 3 bear such names."""
    own = OwnData(classes=tuple(HOSTILE if name == "cat" else name for name in VOC_CLASSES))
    folder = results.spec.folder.model_copy(update={"title": HOSTILE, "generated": None, "archives": {}, "own": own})
    datasets = results.spec.datasets.model_copy(update={"folders": {results.spec.preset.data: folder}})
    changed = {"classes": ("bicycle", "car", HOSTILE, "chair"), "backbone_weights": "random"}
    preset = results.spec.preset.model_copy(update=changed)
    table = results.spec.tables["table3"]
    rows = tuple(row.model_copy(update={"label": f"{row.label} {HOSTILE}", "marks": (HOSTILE,)}) for row in table.rows)
    tables = {**results.spec.tables, "table3": table.model_copy(update={"rows": rows, "title": HOSTILE})}
    spec = dataclasses.replace(results.spec, preset=preset, datasets=datasets, tables=tables)
    made = type(results)(spec)
    made.val_set()
    for run in dict.fromkeys((*COMPARED, "gcn-resnext101", "exfuse")):
        made.run(run, 0.4)
    confusions(made)
    return made


def spec_of(results, name):
    return json.loads(results.graph.layout.figure(name, "vl.json").read_text())


def test_every_chart_of_the_graph_can_be_drawn():
    assert set(PLANS) == set(CHARTS)


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_bytes_twice(complete, name):
    paths = [complete.graph.layout.figure(name, suffix) for suffix in ("svg", "png", "vl.json")]
    write_chart(complete.graph, name, PLANS[name])
    first = [path.read_bytes() for path in paths]
    write_chart(complete.graph, name, PLANS[name])
    assert [path.read_bytes() for path in paths] == first
    assert first[0].startswith(b"<svg")
    assert first[1].startswith(b"\x89PNG")


@pytest.mark.parametrize("name", CHARTS)
def test_an_empty_folder_gives_a_picture_with_a_sentence(results, name):
    write_chart(results.graph, name, PLANS[name])
    spec = spec_of(results, name)
    assert spec["mark"]["text"] in results.graph.layout.figure(name).read_text()
    assert spec["usermeta"]["notes"]


@pytest.mark.parametrize("name", CHARTS)
def test_hostile_names_are_text(hostile, name):
    write_chart(hostile.graph, name, PLANS[name])
    spec = spec_of(hostile, name)
    compiled = json.dumps(vl_convert.vegalite_to_vega(spec), ensure_ascii=False)
    expressions = re.findall(r'"(?:signal|expr|test|update|source)": "((?:[^"\\]|\\.)*)"', compiled)
    assert not [one for one in expressions if "alert" in one]
    drawing = hostile.graph.layout.figure(name).read_text()
    assert "<script" not in drawing
    assert len(drawing) < 1_000_000


def test_a_hostile_class_is_drawn_in_full_length_nowhere_and_named_in_the_table(hostile):
    write_chart(hostile.graph, "confusion", PLANS["confusion"])
    words = spec_of(hostile, "confusion")["usermeta"]["table"]["rows"]
    assert HOSTILE in {row[0] for row in words}


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_drawn_in_a_colour_of_its_own(complete, name):
    """So that the page's colours, and dark ones, hold for everything."""
    spec = json.dumps(PLANS[name].make(complete.graph).spec)
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb", spec)


def test_both_themes_have_the_same_parts():
    fixed, live = theme(FIXED), theme(LIVE)
    assert fixed.keys() == live.keys()
    assert "#" not in json.dumps(live)
    assert "var(" not in json.dumps(fixed)


@pytest.mark.parametrize(("width", "columns"), [(310, 2), (60, 1), (700, 5), (5000, 5)])
def test_panels_fit_into_a_width(width, columns):
    panels = Panels(count=9, most=5, least=110, outer=44, gap=20)
    found, each = panels.fit(width)
    assert found == columns
    assert found * (each + panels.gap) + panels.outer <= width
    assert Panels(count=2, most=5, least=110, outer=44, gap=20).fit(5000)[0] == 2


def test_numbers_in_words():
    values = (1.005, -1.234, -0.001, 0.0, None)
    assert [signed(value) for value in values] == ["+1.00", "−1.23", "0.00", "0.00", "–"]
    assert [number(value) for value in values] == ["1.00", "-1.23", "-0.00", "0.00", "–"]


# --- in the page ---


def test_the_page_shows_what_the_file_holds(complete):
    write_chart(complete.graph, "per-class", PLANS["per-class"])
    complete.finish(complete.graph.jobs["figures/per-class"])
    shown = {chart.name: chart for chart in page_charts(complete.graph)}
    chart = shown["per-class"]
    assert chart.problem == ""
    assert chart.drawing["spec"]["data"] == spec_of(complete, "per-class")["data"]
    assert not {"$schema", "config", "usermeta", "description"} & set(chart.drawing["spec"])
    assert chart.rows[0][0] == "background"
    assert "minus that of its first row" in chart.caption
    assert shown["boundary"].problem == "missing: results/mini/figures/boundary.vl.json is not there"
    assert shown["boundary"].drawing is None


def test_a_chart_of_other_results_is_shown_as_stale(complete):
    write_chart(complete.graph, "per-class", PLANS["per-class"])
    shown = next(chart for chart in page_charts(complete.graph) if chart.name == "per-class")
    assert shown.problem.startswith("stale")
    assert shown.drawing is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"usermeta": {}}', '{"usermeta": {"table": 3}}'])
def test_a_damaged_file_is_said(complete, content):
    write_text(complete.graph.layout.figure("boundary", "vl.json"), content)
    shown = next(chart for chart in page_charts(complete.graph) if chart.name == "boundary")
    assert shown.problem == "unreadable: results/mini/figures/boundary.vl.json holds no chart"


def test_the_script_cannot_end_its_element():
    own = "console.log('</script><!--<script>');"
    script = bundle(own)
    assert r"\x3C/script>\x3C!--\x3Cscript>" in script
    assert not re.search(r"<!--|</?script", script, re.IGNORECASE)
    assert bundle(own) is script


def test_titles_are_in_the_order_of_the_page():
    titles = [plan.title for plan in PLANS.values()]
    assert all(before != after for before, after in pairwise(titles))
