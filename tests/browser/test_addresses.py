"""Addresses of places on the page: they are kept to while the page grows above them, until the reader moves."""

import pytest

from exfuse.files import read_json
from tests.browser.conftest import PHONE, WIDE

pytestmark = pytest.mark.browser

SLOWER = 6
"""Times; as a phone, or a machine with other work."""
QUIET = """() => new Promise((done) => {
  let waiting = setTimeout(done, 800);
  new ResizeObserver(() => { clearTimeout(waiting); waiting = setTimeout(done, 800); }).observe(document.body);
})"""
"""Nothing has grown for a while."""
TOP = "id => Math.round(document.getElementById(id).getBoundingClientRect().top)"
HEIGHT = "document.documentElement.scrollHeight"


@pytest.fixture(scope="module")
def image(reproduction):
    """The place of an image, which the viewer takes, and the image's id."""
    name = read_json(reproduction.layout.gallery)["pictures"][3]["id"]
    return f"gallery-{name}", name


def settled(page):
    page.evaluate(QUIET)


def is_in_place(page, name):
    """Below the list of contents, which sticks to the top, and not far."""
    return 0 <= page.evaluate(TOP, name) <= 80


@pytest.mark.parametrize(("size", "slower"), [(WIDE, 1), (PHONE, SLOWER)])
def test_an_address_leads_to_an_image(opened, reproduction, image, size, slower):
    """Also at once after it was entered, when the browser remembers the place before."""
    place, name = image
    page = opened(reproduction.layout.report, size, slower=slower)
    page.goto(f"{reproduction.layout.report.as_uri()}#{place}")
    page.reload()
    page.locator("#viewer-name", has_text=name).wait_for()
    settled(page)
    assert is_in_place(page, "viewer")


@pytest.mark.parametrize(("size", "name"), [(WIDE, "table8"), (PHONE, "figure-confusion"), (WIDE, "run-exfuse")])
def test_an_address_leads_to_its_place_however_the_page_grows(opened, reproduction, name, size):
    page = opened(reproduction.layout.report, size, address=f"#{name}", slower=SLOWER)
    page.reload()
    before = page.evaluate(HEIGHT)
    settled(page)
    page.evaluate("document.querySelector('#summary').style.paddingBottom = '2000px'")  # long after
    settled(page)
    assert page.evaluate(HEIGHT) >= before + 1000
    assert is_in_place(page, name)


def test_whoever_moved_is_left_alone(opened, reproduction):
    page = opened(reproduction.layout.report, address="#table8")
    settled(page)
    page.mouse.move(700, 400)
    page.mouse.wheel(0, 5000)
    page.wait_for_function("scrollY > 5000 && history.state?.moved")
    settled(page)
    there = page.evaluate(TOP, "table8")
    assert there < -3000
    page.locator("#made").evaluate("node => { node.style.paddingBottom = '1000px'; }")
    settled(page)
    assert page.evaluate(TOP, "table8") == there


def test_whoever_moves_while_the_page_grows_is_left_alone_too(opened, reproduction):
    page = opened(reproduction.layout.report, address="#table8")
    settled(page)
    page.evaluate(
        """() => {
          dispatchEvent(new WheelEvent("wheel"));
          scrollBy(0, 3000);
          document.querySelector("#made").style.paddingBottom = "2000px";
        }"""
    )
    settled(page)
    assert page.evaluate(TOP, "table8") < -2000


def test_whoever_moved_and_loads_the_page_again_stays(opened, reproduction):
    """About where the reader was: the browser restores the place, exactly or not, and is not overruled."""
    page = opened(reproduction.layout.report, address="#run-exfuse")
    settled(page)
    page.mouse.move(700, 400)
    page.mouse.wheel(0, -9000)
    settled(page)
    before = page.evaluate(TOP, "claims")
    assert not is_in_place(page, "run-exfuse")
    page.reload()
    settled(page)
    assert abs(page.evaluate(TOP, "claims") - before) < 2 * WIDE[1]
    assert page.locator("#run-exfuse").get_attribute("open") is not None


def test_a_scroll_bar_counts_as_the_reader(opened, reproduction):
    page = opened(reproduction.layout.report, address="#table8")
    settled(page)
    page.evaluate("scrollTo(0, 0)")  # it makes the event that a scroll bar makes
    settled(page)
    page.evaluate("document.querySelector('#made').style.paddingBottom = '1000px'")
    settled(page)
    assert page.evaluate("scrollY") == 0


def test_another_link_leads_on_and_back_leads_back(opened, reproduction):
    page = opened(reproduction.layout.report, address="#table3")
    page.locator("#table3").get_by_role("link").last.click()
    settled(page)
    assert is_in_place(page, "run-exfuse")
    page.go_back()
    settled(page)
    assert 0 <= page.evaluate(TOP, "table3") < WIDE[1]
