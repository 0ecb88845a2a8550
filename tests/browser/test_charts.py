"""The charts in the page: drawn when they come near, legible in the dark, whole on paper, with their numbers beside."""

import json
import re
import zlib

import pytest

from exfuse.files import read_json
from exfuse.spec.graph.reporting import CHARTS
from tests.browser.conftest import A4, PHONE, WIDE

pytestmark = pytest.mark.browser


def drawn(page, name):
    """A chart's drawing, once it is there."""
    place = page.locator(f"#figure-{name} .chart")
    place.scroll_into_view_if_needed()
    place.locator("svg").first.wait_for(state="attached")
    return place


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_chart_is_drawn_within_the_page(opened, reproduction, size, scheme):
    page = opened(reproduction.layout.report, size, color_scheme=scheme)
    for name in CHARTS:
        box = drawn(page, name).locator("svg").first.bounding_box()
        assert box["width"] > 250
        assert box["x"] + box["width"] <= size[0]


def test_nothing_is_drawn_before_it_is_near(opened, reproduction):
    page = opened(reproduction.layout.report)
    assert page.locator("#figure-costs-chart .chart svg").count() == 0


def test_bars_are_those_of_the_numbers(opened, reproduction):
    """One bar a class, and the table beneath holds the same classes in the same order."""
    page = opened(reproduction.layout.report)
    place = drawn(page, "per-class")
    classes = len(reproduction.spec.classes)
    bars = place.locator("g.mark-rect path, g.role-mark.mark-rect path")
    assert bars.count() == classes
    page.locator("#figure-per-class details summary").click()
    assert page.locator("#figure-per-class tbody tr").count() >= classes


def test_another_row_is_chosen_with_the_keyboard(opened, reproduction):
    page = opened(reproduction.layout.report)
    place = drawn(page, "per-class")
    before = place.inner_html()
    choice = page.locator("#figure-per-class select")
    choice.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("([node, before]) => node.innerHTML !== before", arg=[place.element_handle(), before])


def painted(pdf):
    """How many paths a PDF's streams fill or stroke."""
    count = 0
    for stream in re.finditer(rb"stream\r?\n", pdf):
        try:
            content = zlib.decompressobj().decompress(pdf[stream.end() :])
        except zlib.error:  # a picture, or no stream
            continue
        count += len(re.findall(rb"(?m)^(?:f|f\*|B|S)$", content))
    return count


def test_all_of_them_are_in_the_printed_file(opened, reproduction):
    """Printed at once, with no chart drawn yet: as much is painted as with all drawn, and their marks are in it."""
    page = opened(reproduction.layout.report, A4)
    page.add_style_tag(content="@media print { header, section:not(#charts) { display: none; } }")
    printed = painted(page.pdf(format="A4"))
    marks = page.locator(
        ".chart svg g.mark-rect path, .chart svg g.mark-line path, .chart svg g.mark-symbol path"
    ).count()
    assert marks >= 3 * len(CHARTS)
    for name in CHARTS:
        drawn(page, name)
    assert painted(page.pdf(format="A4")) == printed
    page.evaluate("document.querySelectorAll('.chart').forEach((place) => place.remove())")
    assert printed - painted(page.pdf(format="A4")) >= marks


def test_without_scripts_the_file_is_named(opened, reproduction):
    page = opened(reproduction.layout.report, java_script_enabled=False)
    shown = page.locator("#figure-confusion").inner_text()
    assert "figures/confusion.svg" in shown


def test_what_is_drawn_is_what_the_file_holds(opened, reproduction):
    page = opened(reproduction.layout.report)
    for name in CHARTS:
        content = read_json(reproduction.layout.figure(name, "vl.json"))
        embedded = json.loads(page.locator(f"#figure-{name} .chart-drawing").text_content())["spec"]
        shared = content.keys() & {"data", "layer", "concat"}
        assert shared
        assert {part: embedded[part] for part in shared} == {part: content[part] for part in shared}


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_places_are_kept_free_for_what_is_drawn_later(opened, reproduction, size):
    """The page is about as high before its charts are drawn as afterwards, and pictures say their size."""
    page = opened(reproduction.layout.report, size)
    page.locator("#viewer[data-shown]").wait_for()
    before = page.evaluate("document.documentElement.scrollHeight")
    for name in CHARTS:
        drawn(page, name)
    assert page.evaluate("document.documentElement.scrollHeight") == pytest.approx(before, rel=0.02)
    ratios = page.locator(".plate img").evaluate_all(
        """nodes => nodes.map((node) =>
          [node.getAttribute("width") / node.getAttribute("height"), node.naturalWidth / node.naturalHeight])"""
    )
    assert len(ratios) == 7
    assert all(said == pytest.approx(real, rel=0.01) for said, real in ratios)
