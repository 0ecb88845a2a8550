"""Names, captions and classes with markup, quotes, Chinese and two hundred letters: shown, never executed."""

import dataclasses

import pytest

from tests.browser.conftest import PHONE, WIDE, drawn
from tests.reporting.hostile import HOSTILE, hostile

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(seeded_mini, tmp_path_factory):
    """The page of a made-up reproduction with such words."""
    spec = hostile(dataclasses.replace(seeded_mini, root=tmp_path_factory.mktemp("hostile")))
    return drawn(spec).layout.report


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_words_are_shown_and_not_executed(opened, report, size):
    """That no dialog opens and no error appears is what ``opened`` holds every page to."""
    page = opened(report, size)
    page.evaluate("document.querySelectorAll('details').forEach((entry) => { entry.open = true; })")
    for place in page.locator(".chart").all():
        place.scroll_into_view_if_needed()
        place.locator("svg").first.wait_for(state="attached")
    assert page.locator("main").inner_text().count(HOSTILE) >= 15
    assert page.locator("#claims th[scope=row] .claim").first.inner_text() == HOSTILE
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_they_are_copied_as_they_are(opened, report):
    page = opened(report, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#table3").get_by_role("button", name="CSV").click()
    page.locator("#table3 [role=status]", has_text="copied").wait_for()
    assert HOSTILE.replace('"', '""') in page.evaluate("navigator.clipboard.readText()")
