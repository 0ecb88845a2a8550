"""Charts that no job of the present results wrote: what a browser could not read is not put into the page."""

import json

import pytest

from exfuse.files import read_json, write_bytes, write_text
from exfuse.reporting.charts.files import SUFFIX
from exfuse.reporting.embedded import page_charts, page_figures
from exfuse.reporting.figures import write_figure


@pytest.fixture
def change(results):
    """Writes one chart with another value somewhere, and gives it as the page takes it."""
    results.everything()
    graph = results.graph
    write_figure(graph, "per-class")
    file = graph.layout.figure("per-class", SUFFIX)

    def apply(*place, value):
        content = read_json(file)
        inner = content
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        write_text(file, json.dumps(content))
        return next(one for one in page_charts(graph) if one.name == "per-class")

    return apply


@pytest.mark.parametrize("value", [float("inf"), float("nan")], ids=str)
@pytest.mark.parametrize("place", [("usermeta", "table", "words"), ("height",), ("data", "values", 0, "difference")])
def test_infinity_is_no_chart(change, place, value):
    found = change(*place, value=value)
    assert found.problem == "unreadable: results/mini/figures/per-class.vl.json holds no chart"
    assert found.drawing is None


def test_a_picture_as_wide_as_infinity_has_no_size(results):
    write_bytes(results.graph.layout.figure("figure2"), b'<svg viewBox="0 0 %s 1"/>' % (b"9" * 400))
    (figure,) = (one for one in page_figures(results.graph) if one.name == "figure2")
    assert (bool(figure.source), figure.size) == (True, None)


def test_other_numbers_are_one(change):
    found = change("data", "values", 0, "difference", value=1e300)
    assert found.drawing["spec"]["data"]["values"][0]["difference"] == 1e300
