"""Two reproductions side by side, as people open the page: hostile words, phones, darkness, sorting, paper, and axe."""

import re
import shutil
from statistics import fmean

import pytest
from axe_playwright_python.sync_playwright import Axe

from exfuse.files import write_csv
from exfuse.reporting.comparison.page import write_comparison
from tests.browser.conftest import A4, PHONE, SEEDS, WIDE
from tests.reporting.comparison.reproductions import HOSTILE, MANIFEST, STAGE, change, claim, make

pytestmark = pytest.mark.browser

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def folder(seeded_mini, tmp_path_factory):
    return make(seeded_mini, tmp_path_factory.mktemp("first"), 0.45, seeds=SEEDS)


@pytest.fixture(scope="module")
def compared(seeded_mini, folder, tmp_path_factory):
    """The page of two reproductions with other scores."""
    root = tmp_path_factory.mktemp("second")
    write_comparison(folder, make(seeded_mini, root, 0.46, seeds=SEEDS), root / "comparison.html")
    return root / "comparison.html"


@pytest.fixture(scope="module")
def hostile(folder, tmp_path_factory):
    """The page of a reproduction and its copy, in which names, captions, settings and the folder hold markup."""
    root = tmp_path_factory.mktemp("hostile")
    other = root / '<script>alert("folder")</script>'.replace("/", "∕")
    shutil.copytree(folder, other)
    line = dict.fromkeys(("row", "column", "run", "status"), HOSTILE)
    lines = [{**line, "paper": "1", "measured": "2", "std": "", "seeds": "1"}]
    write_csv(other / "tables/table3.csv", tuple(lines[0]), lines)
    write_csv(other / "claims.csv", tuple(claim("x", "y")), [claim(HOSTILE, HOSTILE, why=HOSTILE, text=HOSTILE)])
    change(other / MANIFEST, "settings", HOSTILE, value=HOSTILE)
    change(other / MANIFEST, "settings", "caveat", value=HOSTILE)
    change(other / f"{STAGE}/provenance.json", "host", value=HOSTILE)
    change(other / "tables/table3.manifest.json", "settings", "table", "caption", value=HOSTILE)
    write_comparison(other, folder, root / "comparison.html")
    return root / "comparison.html"


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((entry) => { entry.open = true; })")


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_hostile_words_are_shown_and_not_executed(opened, hostile, size):
    """That no dialog opens and no error appears is what ``opened`` holds every page to."""
    page = opened(hostile, size)
    unfold(page)
    shown = page.locator("body").inner_text()
    assert shown.count(HOSTILE) >= 8
    assert 'alert("folder")' in page.locator(".lede").inner_text()
    assert page.locator("#table-table3 caption").inner_text() == HOSTILE
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_only_tables_scroll_sideways(opened, compared, size):
    page = opened(compared, size)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
@pytest.mark.parametrize("which", ["compared", "hostile"])
def test_axe_finds_nothing_serious(opened, request, which, size, scheme):
    page = opened(request.getfixturevalue(which), size, color_scheme=scheme)
    unfold(page)
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_dash_is_told_to_be_no_number(opened, compared):
    """ARIA allows a label on nothing that has no role."""
    page = opened(compared)
    assert page.locator("#tables .none[role=img][aria-label='no number']").count() > 0
    assert page.locator("span[aria-label]:not([role])").count() == 0


def test_darkness_follows_the_system(opened, compared):
    for scheme, darkest, lightest in (("light", 200, 256), ("dark", 0, 60)):
        page = opened(compared, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert darkest <= fmean(map(int, re.findall(r"\d+", colour)[:3])) < lightest


def test_differences_sort_and_are_those_of_the_sides(opened, compared):
    """Row 7 is ExFuse, a point better in B by construction; row 1 is GCN, equal on both sides."""
    page = opened(compared)
    row = page.locator("#table-table3 tbody tr", has=page.locator("th", has_text=re.compile("^7$")))
    assert row.locator("td").nth(5).inner_text() == "+1.00"
    page.locator("#table-table3 thead th", has_text="B − A").get_by_role("button").click()
    cells = page.locator("#table-table3 tbody tr td:nth-child(7)").all_inner_texts()
    assert cells[:2] == ["0.00", "+1.00"]


def test_it_prints(opened, compared, tmp_path):
    page = opened(compared, A4)
    assert page.pdf(path=tmp_path / "comparison.pdf", format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
