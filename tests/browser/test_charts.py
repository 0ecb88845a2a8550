"""The charts in the page: drawn when they come near, legible in the dark, whole on paper, with their numbers beside."""

import json

import pytest

from exfuse.files import read_json
from exfuse.spec.graph.reporting import CHARTS
from tests.browser.conftest import PHONE, WIDE

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


def test_all_of_them_are_drawn_for_paper(opened, reproduction, tmp_path):
    page = opened(reproduction.layout.report)
    page.pdf(path=tmp_path / "report.pdf")
    page.wait_for_function(
        "count => document.querySelectorAll('.chart svg').length >= count", arg=len(CHARTS), timeout=20_000
    )


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
