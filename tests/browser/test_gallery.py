"""The gallery as people use it: labels that survive the browser, the line, the classes, keys, fingers, links, paper."""

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from benchmarks.made_up import MadeUp
from exfuse.data.labels import voc_palette
from exfuse.files import read_json, write_json
from exfuse.reporting.gallery.making import write_gallery
from exfuse.reporting.report import write_report
from exfuse.spec.graph import Graph
from tests.browser.conftest import PHONE, WIDE

pytestmark = pytest.mark.browser

PIXELS = """name => { const canvas = document.getElementById(name);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  return [canvas.width, canvas.height, [...data]]; }"""


@pytest.fixture(scope="module")
def made(seeded_mini, tmp_path_factory):
    """A made-up reproduction with a gallery and a page."""
    maker = MadeUp(dataclasses.replace(seeded_mini, root=tmp_path_factory.mktemp("gallery")))
    graph = maker.write()
    write_gallery(graph)
    maker.finish(graph.jobs["gallery"])
    write_report(graph)
    return graph


@pytest.fixture
def page(opened, made):
    """The page with the gallery's first image drawn."""
    found = opened(made.layout.report)
    found.locator("#viewer[data-shown]").wait_for()
    return found


def pixels(page, name):
    width, height, data = page.evaluate(PIXELS, f"viewer-{name}")
    return np.array(data, np.uint8).reshape(height, width, 4)


def mask(url):
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.array(image)


def pictures(made):
    return read_json(made.layout.gallery)["pictures"]


def set_range(page, name, value):
    page.locator(f"#viewer-{name}").evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value
    )


def shown(page):
    return page.locator("#viewer-name").inner_text()


def wait_for(page, picture):
    page.locator("#viewer-name", has_text=picture["id"]).wait_for()


def turned(url):
    """A data URL's picture, a quarter turned."""
    head, _, content = url.partition(",")
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        buffer = io.BytesIO()
        image.transpose(Image.Transpose.ROTATE_90).save(buffer, image.format)
    return f"{head},{base64.b64encode(buffer.getvalue()).decode()}"


def test_an_upright_picture_is_not_squeezed(opened, made, tmp_path):
    """Its column would make it higher than the stage may be."""
    graph = Graph(dataclasses.replace(made.spec, root=tmp_path))
    content = read_json(made.layout.gallery)
    picture = content["pictures"][0]
    picture |= {field: turned(picture[field]) for field in ("photograph", "truth", "gcn_mask", "exfuse_mask")}
    picture |= {"width": picture["height"], "height": picture["width"]}
    write_json(graph.layout.gallery, content)
    write_report(graph)
    page = opened(graph.layout.report)
    page.locator("#viewer[data-shown]").wait_for()
    for name in ("wipe", "truth-picture"):
        canvas = page.locator(f"#viewer-{name}")
        box, size = canvas.bounding_box(), canvas.evaluate("node => [node.width, node.height]")
        assert size[0] < size[1]
        assert box["width"] / box["height"] == pytest.approx(size[0] / size[1], abs=0.01)
    assert page.locator("#viewer-stage").bounding_box()["height"] <= 34 * 16 + 1


def test_every_label_has_its_colour_on_the_canvas(page, made):
    colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3)
    page.get_by_role("button", name="All", exact=True).click()
    set_range(page, "opacity", 100)
    for picture in pictures(made):
        wait_for(page, picture)
        for name, field in (("truth", "truth"), ("gcn", "gcn_mask"), ("exfuse", "exfuse_mask")):
            expected = colours[mask(picture[field])]
            assert (pixels(page, f"{name}-picture")[..., :3] == expected).all()
        page.locator("#viewer-next").click()


def test_the_line_divides_gcn_from_exfuse(page, made):
    picture = next(one for one in pictures(made) if one["rule"] == "changed" or one["gcn"] != one["exfuse"])
    page.evaluate(f"location.hash = 'gallery-{picture['id']}'")
    wait_for(page, picture)
    page.get_by_role("button", name="All", exact=True).click()
    set_range(page, "opacity", 100)
    colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3)
    gcn, exfuse = colours[mask(picture["gcn_mask"])], colours[mask(picture["exfuse_mask"])]
    for value, expected in ((0, exfuse), (100, gcn)):
        set_range(page, "slider", value)
        assert (pixels(page, "wipe")[..., :3] == expected).all()
    set_range(page, "slider", 50)
    drawn, middle = pixels(page, "wipe")[..., :3], gcn.shape[1] // 2
    assert (drawn[:, : middle - 1] == gcn[:, : middle - 1]).all()
    assert (drawn[:, middle + 1 :] == exfuse[:, middle + 1 :]).all()


def test_the_line_follows_keys_and_fingers(page):
    slider = page.locator("#viewer-slider")
    slider.focus()
    name = shown(page)
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "51"
    assert shown(page) == name  # an arrow on a slider turns no page
    box = page.locator("#viewer-stage").bounding_box()
    page.locator("#viewer-stage").scroll_into_view_if_needed()
    box = page.locator("#viewer-stage").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.up()
    assert abs(int(slider.input_value()) - 20) <= 1
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)  # let go
    assert abs(int(slider.input_value()) - 20) <= 1


def test_a_finger_on_the_picture_moves_the_line(opened, made):
    page = opened(made.layout.report, PHONE, has_touch=True)
    page.locator("#viewer[data-shown]").wait_for()
    stage = page.locator("#viewer-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 30)
    assert abs(int(page.locator("#viewer-slider").input_value()) - 80) <= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_classes_are_switched_off_and_on(page):
    set_range(page, "opacity", 100)
    page.get_by_role("button", name="None", exact=True).click()
    photograph = pixels(page, "photograph-picture")
    assert (pixels(page, "truth-picture") == photograph).all()
    boxes = page.locator("#viewer-boxes input")
    assert boxes.count() >= 2
    page.locator("#viewer-boxes label", has_text="background").locator("input").focus()
    page.keyboard.press("Space")
    assert (pixels(page, "truth-picture") != photograph).any()
    assert [boxes.nth(n).is_checked() for n in range(boxes.count())].count(True) == 1
    page.get_by_role("button", name="All", exact=True).click()
    assert all(boxes.nth(n).is_checked() for n in range(boxes.count()))


def test_images_are_turned_by_buttons_and_keys_and_said(page, made):
    found = pictures(made)
    assert shown(page) == found[0]["id"]
    assert page.locator("#viewer-status").inner_text() == ""  # nothing is said before anybody did something
    page.locator("#viewer-next").click()
    wait_for(page, found[1])
    page.keyboard.press("ArrowLeft")
    wait_for(page, found[0])
    page.keyboard.press("ArrowLeft")  # the last follows the first
    wait_for(page, found[-1])
    assert f"Image {len(found)} of {len(found)}, {found[-1]['id']}" in page.locator("#viewer-status").inner_text()
    assert page.evaluate("location.hash") == f"#gallery-{found[-1]['id']}"
    page.locator(".reel a").nth(2).click()
    wait_for(page, found[2])
    assert page.locator(".reel a[aria-current]").count() == 1


def test_the_focus_stays_on_its_class_while_images_are_turned(page, made):
    """Every image holds background; a class that the next image lacks gives the focus to the image's name."""
    found = pictures(made)
    page.locator("#viewer-boxes label", has_text="background").locator("input").focus()
    for picture in found[1:3]:
        page.keyboard.press("ArrowRight")
        wait_for(page, picture)
        assert page.evaluate("document.activeElement.labels[0].textContent") == "background"
    classes = [{entry["label"] for entry in picture["classes"]} for picture in found]
    index, label = next((n, label) for n, here in enumerate(classes[:-1]) for label in here - classes[n + 1])
    page.evaluate(f"location.hash = 'gallery-{found[index]['id']}'")
    wait_for(page, found[index])
    page.locator(f"#viewer-boxes input[value='{label}']").focus()
    page.keyboard.press("ArrowRight")
    wait_for(page, found[index + 1])
    assert page.evaluate("document.activeElement.id") == "viewer-name"


def test_classes_that_are_switched_off_count_in_the_disagreement(page):
    before = pixels(page, "disagreement-picture"), page.locator("#viewer-legend").inner_text()
    page.get_by_role("button", name="None", exact=True).click()
    assert (pixels(page, "disagreement-picture") == before[0]).all()
    assert page.locator("#viewer-legend").inner_text() == before[1]
    assert "All classes count, also those that are switched off" in before[1]


def test_shares_of_disagreement_are_those_of_the_masks(page, made):
    picture = pictures(made)[0]
    truth, gcn, exfuse = (mask(picture[field]) for field in ("truth", "gcn_mask", "exfuse_mask"))
    counted = truth != 255
    expected = {
        "exfuse": (exfuse == truth) & (gcn != truth),
        "gcn": (gcn == truth) & (exfuse != truth),
        "neither": (gcn != exfuse) & (gcn != truth) & (exfuse != truth),
        "same": gcn == exfuse,
        "wrong": (gcn == exfuse) & (gcn != truth),
    }
    for name, pixels_ in expected.items():
        text = page.locator(f"#viewer-legend [data-share={name}]").inner_text()
        assert float(text.rstrip("%")) == pytest.approx(100 * (pixels_ & counted).sum() / counted.sum(), abs=0.051)


def test_scores_are_those_of_the_file(page, made):
    picture = pictures(made)[0]
    last = page.locator("#viewer-scores tr").last.inner_text().split()
    assert last[:3] == ["mean", f"{100 * picture['gcn']:.1f}", f"{100 * picture['exfuse']:.1f}"]


def test_without_script_the_photographs_stand_in_a_table(chromium, made):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(made.layout.report.as_uri())
    assert not page.locator("#viewer").is_visible()
    images = page.locator("#viewer-images img")
    assert images.count() == len(pictures(made))
    assert images.first.is_visible()
    context.close()


def test_on_paper_there_are_the_panels_and_the_table(page, made):
    assert not page.locator("#viewer .on-paper").is_visible()
    page.emulate_media(media="print")
    assert page.locator("#viewer-images").is_visible()
    assert page.locator("#viewer-truth-picture").is_visible()
    assert not page.locator("#viewer-slider").is_visible()
    assert f"the page itself has {len(pictures(made))}" in page.locator("#viewer .on-paper").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_helpers_find_nothing_serious(opened, made, scheme, size):
    page = opened(made.layout.report, size, color_scheme=scheme)
    page.locator("#viewer[data-shown]").wait_for()
    page.locator("#viewer-toggle").click()
    found = Axe().run(page, context="#gallery").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert not re.search(r"undefined|NaN|null", page.locator("#gallery").inner_text())
