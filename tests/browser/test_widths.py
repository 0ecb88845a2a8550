"""Tables on screens of a desk: every column in sight, nothing to be scrolled for."""

import pytest

pytestmark = pytest.mark.browser

CUT = """() => [...document.querySelectorAll(".scroll")]
  .filter((table) => table.scrollWidth > table.clientWidth)
  .map((table) => `${table.getAttribute("aria-label")}: ${table.scrollWidth - table.clientWidth} px`)"""


@pytest.mark.parametrize("width", [1152, 1280, 1366, 1440, 1920])
def test_no_column_is_cut(reproduction, opened, width):
    """With three seeds, whose deviations make the tables as wide as they get."""
    page = opened(reproduction.layout.report, (width, 900))
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
