"""The gallery in the page."""

import json
import re

import pytest

from exfuse.files import read_json, write_json
from exfuse.reporting.gallery.making import write_gallery
from exfuse.reporting.gallery.section import gallery_section
from exfuse.reporting.report import write_report
from tests.reporting.gallery.scenes import halves

HOSTILE = "<script>alert('1')</script> & \"quotes\" 标签 " + "x" * 150


def page(results) -> str:
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    return re.search(r'<section id="gallery".*?</section>', html, re.S)[0]


def test_page_without_the_file_says_so(results):
    assert "missing: results/mini/figures/gallery.json is not there" in page(results)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"gcn": 1}'])
def test_page_with_a_cut_file_says_so(results, content):
    results.graph.layout.gallery.parent.mkdir(parents=True)
    results.graph.layout.gallery.write_text(content)
    assert "cut or of another format" in page(results)


def test_page_asks_nobody_for_a_picture_that_a_file_names(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_gallery(scene.graph)
    content = read_json(scene.graph.layout.gallery)
    content["pictures"][0]["photograph"] = "https://example.org/a.jpg"
    write_json(scene.graph.layout.gallery, content)
    html = page(scene.results)
    assert "example.org" not in html
    assert "cut or of another format" in html


def test_page_holds_each_photograph_once_and_its_numbers_in_a_table(scene):
    scene.image("one", halves(0, 8), halves(0, 0), halves(0, 8))
    scene.image("two", halves(0, 9), halves(0, 9), halves(0, 0))
    scene.write()
    write_gallery(scene.graph)
    html = page(scene.results)
    assert "stale" in html  # no manifest yet
    scene.results.finish(scene.graph.jobs["gallery"])
    html = page(scene.results)
    assert "stale" not in html
    assert html.count("data:image/jpeg") == 2
    rows = re.findall(r'<tr id="(gallery-\w+)">.*?</tr>', html, re.S)
    assert rows == ["gallery-one", "gallery-two"]
    assert re.search(r"best of ExFuse: mean IoU 100\.0%</td><td>cat</td>.*25\.00.*100\.00.*\+75\.00</td>", html)
    data = json.loads(re.search(r'id="viewer-data">(.*?)</script>', html, re.S)[1])
    assert [one["place"] for one in data["pictures"]] == rows
    assert {entry["name"]: entry["colour"] for entry in data["palette"]}["chair"] == [192, 0, 0]


def test_hostile_ids_are_shown_and_have_places_of_their_own(scene):
    names = [HOSTILE, "标签", "签标"]
    for number, name in enumerate(names):
        scene.image(name, halves(0, 8), halves(0, 9), halves(0, 8, share=0.2 * number))
    scene.write()
    write_gallery(scene.graph)
    html = page(scene.results)
    places = [one.place for _, group in gallery_section(scene.graph).groups for one in group]
    assert len(set(places)) == 3
    assert all(re.fullmatch(r"gallery-[A-Za-z0-9_-]*", place) for place in places)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#39;1&#39;)" in html
    data = json.loads(re.search(r'id="viewer-data">(.*?)</script>', html, re.S)[1])
    assert {one["id"] for one in data["pictures"]} == set(names)
