"""Words of the page are no Markdown: what a file of notes sets in a fixed width stands there without its marks."""

import html
import re

import pytest

from exfuse.files import write_json
from exfuse.reporting import figure1, figure7
from exfuse.reporting.charts import boundary, per_class
from exfuse.reporting.report import write_report


def words(page):
    """What a reader sees."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style)\b.*?</\1>", "", page)))


def test_the_page_has_no_backtick(results):
    """Steps differ, Table 8 has a note, a seed is too many, and the rates were measured by a command."""
    results.val_set()
    for name in ("exfuse", "gcn-resnext101", "ss"):
        results.run(name, 0.4)
    (results.graph.layout.base / "runs" / "ss" / "seed7").mkdir()
    results.backbone("resnet50", 0.2)
    job = {"rule": "pretrain", "seconds": 1.0, "start": 1.0}
    start = {"when": 1.0, "count": 2, "makespan": 60.0, "rates": "rates: by `exfuse plan --measure`"}
    write_json(results.graph.layout.base / "plan.json", {"jobs": {"backbones/resnet50": job}, "starts": [start]})
    write_report(results.graph)
    shown = words(results.graph.layout.report.read_text())
    wanted = ("test_server: {", "raise seeds", "The prediction’s rates: by exfuse plan --measure")
    assert all(said in shown for said in wanted)
    assert re.findall(r".{0,60}`.{0,60}", shown) == []


@pytest.mark.parametrize("caption", [figure1.caption, figure7.caption])
def test_captions_say_which_stage_differs(results, caption):
    said = caption(results.graph)
    assert "Steps of stage trainaug differ: gcn-resnext101" in said
    assert "`" not in said


@pytest.mark.parametrize("chart", [boundary.chart, per_class.chart])
def test_captions_of_charts_do_too(results, chart):
    said = chart(results.graph).caption
    assert "Steps of stage trainaug differ: gcn-resnext101" in said
    assert "`" not in said
