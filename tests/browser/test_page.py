"""The page as people use it: sorting, copying, folding, phones, darkness, paper, and axe."""

import re
from statistics import fmean

import pytest
from axe_playwright_python.sync_playwright import Axe

from exfuse.files import read_csv, read_json
from tests.browser.conftest import A4, PHONE, SEEDS, WIDE

pytestmark = pytest.mark.browser

SERIOUS = ("serious", "critical")


def column(page, table, number):
    """Texts of a column, top to bottom, a header cell of the row counted as the first."""
    return page.locator(f"#{table} tbody tr > *:nth-child({number})").all_inner_texts()


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def brightness(colour):
    return fmean(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_numbers_are_those_of_the_evaluations(opened, reproduction):
    page = opened(reproduction.layout.report)
    jobs = [reproduction.jobs[f"runs/exfuse/seed{seed}/trainaug/val"] for seed in range(SEEDS)]
    mean = 100 * fmean(read_json(job.manifest.with_name("val.json"))["miou"] for job in jobs)
    row = page.locator("#table3 tbody tr", has=page.locator("th", has_text=re.compile("^7$"))).inner_text()
    assert f"{mean:.2f} ±" in row
    assert "80.0" in row


def test_a_column_sorts_up_and_down_by_its_numbers(opened, reproduction):
    page = opened(reproduction.layout.report)
    header = page.locator("#table3 thead th", has_text="Measured")
    number = 1 + page.locator("#table3 thead th").all_inner_texts().index(header.inner_text())
    before = [float(text.split()[0]) for text in column(page, "table3", number)]
    assert before != sorted(before, reverse=True)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert [float(text.split()[0]) for text in column(page, "table3", number)] == sorted(before)
    page.keyboard.press("Enter")  # the button has the focus
    assert header.get_attribute("aria-sort") == "descending"
    assert [float(text.split()[0]) for text in column(page, "table3", number)] == sorted(before, reverse=True)


def test_columns_below_shared_headings_sort_too(opened, reproduction):
    """Table 1 has two groups of five columns; the second group's "Measured" is the eighth column."""
    page = opened(reproduction.layout.report)
    header = page.locator("#table1 thead tr").nth(1).locator("th", has_text="Measured").nth(1)
    before = [float(text.split()[0]) for text in column(page, "table1", 8)]
    header.get_by_role("button").click()
    header.get_by_role("button").click()
    assert [float(text.split()[0]) for text in column(page, "table1", 8)] == sorted(before, reverse=True)


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize(("form", "begins"), [("CSV", "row,column,run"), ("LaTeX", "% needs"), ("Markdown", "**")])
def test_a_table_is_copied_as_text(opened, reproduction, form, begins, blocked):
    page = opened(reproduction.layout.report, permissions=["clipboard-read", "clipboard-write"])
    if blocked:  # as where a browser keeps the clipboard from pages on a disk
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    page.locator("#table3").get_by_role("button", name=form).click()
    page.locator("#table3 [role=status]", has_text=f"{form} copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(begins)
    assert copied.count("exfuse" if form == "CSV" else "80.0") >= 1


def test_what_is_copied_is_what_the_table_says(opened, reproduction, tmp_path):
    page = opened(reproduction.layout.report, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#table3").get_by_role("button", name="CSV").click()
    page.locator("#table3 [role=status]", has_text="CSV copied").wait_for()
    file = tmp_path / "copied.csv"
    file.write_text(page.evaluate("navigator.clipboard.readText()"))
    rows = read_csv(file)
    shown = [text.split()[0] for text in column(page, "table3", 1 + 6 + 2)]
    assert [row["measured"] for row in rows] == shown


def test_a_link_to_a_run_unfolds_its_entry(opened, reproduction):
    page = opened(reproduction.layout.report)
    entry = page.locator("#run-exfuse")
    assert entry.get_attribute("open") is None
    page.locator("#table3").get_by_role("link").last.click()
    assert entry.get_attribute("open") is not None
    assert entry.is_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_serious(opened, reproduction, size, scheme):
    page = opened(reproduction.layout.report, size, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((entry) => { entry.open = true; })")
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_only_tables_scroll_sideways(opened, reproduction, size):
    page = opened(reproduction.layout.report, size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_darkness_follows_the_system(opened, reproduction):
    light = background(opened(reproduction.layout.report, color_scheme="light"))
    dark = background(opened(reproduction.layout.report, color_scheme="dark"))
    assert brightness(dark) < 60 < 200 < brightness(light)


def test_it_prints(opened, reproduction, tmp_path):
    page = opened(reproduction.layout.report, A4)
    content = page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#table8").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_tables_wait_for_no_script(opened, reproduction):
    """benchmarks/report.py has the seconds to the first table; here it is that all scripts stand behind the last."""
    page = opened(reproduction.layout.report)
    before = page.evaluate(
        """() => {
          const last = document.getElementById("table8");
          const scripts = [...document.querySelectorAll("script:not([type='application/json'])")];
          return scripts.filter((one) => one.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING).length;
        }"""
    )
    assert before == 0


def test_without_scripts_every_number_is_there(opened, reproduction):
    page = opened(reproduction.layout.report, java_script_enabled=False)
    assert page.locator("#table3 tbody tr").count() == 7
    assert not page.locator("#table3").get_by_role("button").first.is_visible()
