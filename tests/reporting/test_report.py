"""The page: complete, self-contained, valid enough to parse, and deaf to what names and captions hold."""

import dataclasses
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from exfuse.files import read_json, write_json, write_text
from exfuse.reporting.ledger import ledger_lines
from exfuse.reporting.report import sentence, write_report
from exfuse.spec.graph import FIGURES
from exfuse.spec.load import load
from tests.reporting.hostile import HOSTILE, hostile

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "rect", "line"}
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">' + "<g/>" * 50 + "</svg>"


class Page(HTMLParser):
    """Tags with attributes in order, ids, and whether every tag is closed where it should be."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.tags, self.problems, self.text = [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def attributes(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def page(results):
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    return Page(html), html


@pytest.fixture
def complete(results):
    results.everything()
    for name in ("figure6", "figure7"):
        for suffix in ("svg", "png"):
            write_text(results.graph.layout.figure(name, suffix), PICTURE)
        results.finish(results.graph.jobs[f"figures/{name}"])
    return results


def test_structure(complete):
    parsed, html = page(complete)
    assert parsed.problems == []
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert len(html.encode()) < 8e6
    assert [f"table{number}" in parsed.ids for number in range(1, 9)] == [True] * 8
    headings = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_links_lead_to_places_on_the_page_and_nothing_is_loaded(complete):
    parsed, html = page(complete)
    for attrs in parsed.attributes("a"):
        assert attrs["href"][0] == "#"
        assert attrs["href"][1:] in parsed.ids
    sources = [attrs["src"] for _, attrs in parsed.tags if "src" in attrs]
    assert len(sources) == 2
    assert all(source.startswith("data:image/") for source in sources)
    assert not [tag for tag, _ in parsed.tags if tag in ("link", "iframe", "object", "embed")]
    assert not re.search(r"@import|url\(|https?://", html)


def test_tables_and_pictures_can_be_read_without_seeing_them(complete):
    parsed, _ = page(complete)
    names = [tag for tag, _ in parsed.tags]
    assert names.count("caption") == names.count("table")
    assert {attrs.get("scope") for attrs in parsed.attributes("th")} == {"row", "col", "colgroup"}
    assert all(len(attrs["alt"]) > 20 for attrs in parsed.attributes("img"))
    assert parsed.tags[0] == ("html", {"lang": "en"})


def test_numbers_stand_beside_the_papers_and_lead_to_their_runs(complete):
    complete.run("exfuse", 0.4567)
    complete.run("gcn-resnext101", 0.4444)
    _, html = page(complete)
    row = re.search(r'id="table3".*?<th scope="row">7</th>(.*?)</tr>', html, re.S)[1]
    assert re.findall(r"80\.0|45\.67|−34\.33", row) == ["80.0", "45.67", "−34.33"]
    assert 'href="#run-exfuse"' in row
    assert "<b>+1.23</b> points" in html  # 45.67 − 44.44
    assert "nothing can be called reproduced or contradicted" in html


def test_caveat_stands_in_every_section(complete):
    parsed, html = page(complete)
    assert complete.spec.preset.caveat in " ".join(" ".join(parsed.text).split())
    sections = html.split("<section id=")[1:]
    assert len(sections) == 11
    assert all("These numbers are about the program, not about the method." in section for section in sections)


def test_empty_folder_gives_a_page_that_says_so(results):
    parsed, html = page(results)
    assert parsed.problems == []
    assert "40 missing" in html
    assert html.count("missing: results/mini/figures/") == len(FIGURES) + 1  # and the gallery


def test_several_seeds_have_a_deviation_and_no_warning_of_a_single_training(seeded):
    for seed, miou in enumerate((0.40, 0.41, 0.45)):
        seeded.run("exfuse", miou, seed=seed)
        seeded.run("gcn-resnext101", 0.40, seed=seed)
    parsed, html = page(seeded)
    assert parsed.problems == []
    assert re.search(r"42\.00</a><span class=\"std\"> ± 2\.65", html)
    assert "<b>+2.00</b>" in html
    assert "nothing can be called reproduced or contradicted" not in html


def test_the_headline_compares_equal_seeds(seeded):
    """GCN has one seed, 46; ExFuse's mean over three is 46 too, but that seed's gain is 4."""
    seeded.run("gcn-resnext101", 0.46, seed=0)
    for seed, miou in enumerate((0.50, 0.44, 0.44)):
        seeded.run("exfuse", miou, seed=seed)
    _, html = page(seeded)
    assert "<b>+4.00</b> points" in html
    assert "1 training a side" in html


def test_preset_with_public_weights_says_what_it_does_not_run(repo_root, tmp_path, results):
    public = type(results)(dataclasses.replace(load(repo_root, "voc"), root=tmp_path))
    parsed, html = page(public)
    assert parsed.problems == []
    assert html.count("not run: needs ImageNet") > 20
    assert "VOCtrainval_11-May-2012.tar" in html
    assert re.search(r"VOC2012test\.tar</th><td>voc-test</td>.*missing", html)


def test_page_of_a_mixture_names_the_versions(complete):
    complete.run("ss", 0.4, code="other+changes")
    _, html = page(complete)
    assert re.search(r"Mixture.*2 versions of the code.*other\+changes", html)


@pytest.mark.parametrize("name", ["runs/ss/seed0/trainaug", "backbones/resnet50"])
def test_a_training_that_went_on_with_other_code_is_a_mixture(complete, name):
    job = complete.graph.jobs[name]
    file = job.manifest.with_name("provenance.json")
    stretches = [
        {"from_step": 0, "code": "earlier", "host": "here"},
        {"from_step": 70, "code": "abc123", "host": "there"},
    ]
    write_json(file, read_json(file) | {"stretches": stretches})
    _, html = page(complete)
    assert re.search(r"Mixture.*2 versions of the code.*abc123.*<code>earlier</code> \(1 jobs\)", html)
    assert "<strong>made by 2 versions of the code</strong>" in html
    assert "went on from step 70 with <code>abc123</code> on there" in html
    stretches[0]["code"] = "abc123"
    write_json(file, read_json(file) | {"stretches": stretches})
    assert "Mixture" not in page(complete)[1]


def test_one_version_is_no_mixture(complete):
    assert "Mixture" not in page(complete)[1]


def test_stale_numbers_and_pictures(complete):
    complete.run("ss", 0.4321, key="old")
    complete.graph.jobs["figures/figure7"].manifest.write_text('{"key": "old"}')
    _, html = page(complete)
    assert "43.21" not in html
    assert "this picture was not made from the present results" in html


def test_hostile_words_are_shown_and_not_executed(complete):
    scripts = page(complete)[0].attributes("script")
    parsed, html = page(type(complete)(hostile(complete.spec)))
    assert parsed.attributes("script") == scripts
    assert "alert('1')</script>" not in html
    assert parsed.problems == []
    assert "".join(parsed.text).count(HOSTILE) >= 15


def test_hostile_results_are_shown_and_not_executed(complete):
    scripts = page(complete)[0].attributes("script")
    complete.run("ss", 0.4, code="<script>alert(1)</script>")
    assert page(complete)[0].attributes("script") == scripts


def test_provenance_leads_to_archives(complete):
    archive = complete.graph.jobs["archives"]
    for output in archive.outputs:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"abc")
    complete.finish(archive)
    _, html = page(complete)
    # SHA-256 of "abc", FIPS 180-2, appendix B.1
    assert "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in html
    assert "exfuse do runs/exfuse/seed0/trainaug" in html
    assert complete.graph.jobs["runs/exfuse/seed0/trainaug"].key in html


def test_fidelity_shows_every_part_with_its_readings_code_and_tests(complete):
    parsed, html = page(complete)
    shown = " ".join(" ".join(parsed.text).split())
    for name, part in complete.spec.fidelity.parts.items():
        block = html[html.index(f'id="part-{name}"') :].partition("</details>")[0]
        assumed = [reading for reading in part.readings.values() if reading.assumed]
        assert block.count("Assumption:") == len(assumed)
        assert (f"{len(assumed)} assumption" in block) == bool(assumed)
        assert all(reference in block for reference in (*part.code, *part.tests))
        assert all(sentence(reading.value) in shown for reading in part.readings.values())
        assert all(statement.shown in shown for statement in part.paper)


def test_hyper_parameters_are_those_of_the_preset(complete):
    """Two tables below one anchor: what is assumed, what a source states; parts repeat the numbers that are theirs."""
    parsed, html = page(complete)
    assert "ledger" in parsed.ids
    assumed, sourced = html[html.index('id="ledger"') :].partition("</section>")[0].split("<table")[1:]
    lines = ledger_lines(complete.spec.ledger)
    assert f"Assumptions: {sum(line.assumed for line in lines)}." in assumed
    assert f"Stated by a source: {sum(not line.assumed for line in lines)}." in sourced
    row = re.search(r"<code>decoder\.gcn_kernel</code></th>(.*?)</tr>", assumed)[1]
    assert "<td>7</td>" in row  # mini's, with what the papers say of the real one
    assert "GCN: k = 15" in row
    assert "In our experiment we set k = 3" in sourced
    block = html[html.index('id="part-gcn-block"') :].partition("</details>")[0]
    assert "<code>decoder.gcn_kernel</code></dt><dd>7</dd>" in block


def test_a_large_drawing_is_embedded_as_pixels(complete, monkeypatch):
    monkeypatch.setattr("exfuse.reporting.embedded.LARGEST_SVG", 100)
    parsed, _ = page(complete)
    assert {attrs["src"].partition(";")[0] for attrs in parsed.attributes("img")} == {"data:image/png"}


def test_a_one_sided_margin_is_not_called_a_difference(results):
    """Claims with a margin, word for word as `claims.yaml` has them."""
    shown = " ".join(" ".join(page(results)[0].text).split())
    assert "not less: at least −1.0 (the paper calls its own 0.62 points" in shown
    assert "no difference: within 1.0 (as for semantic supervision" in shown


def test_costs_are_those_that_were_counted(complete):
    assert "<code>exfuse costs</code> counts" in page(complete)[1]
    job, spec = complete.graph.jobs["models/costs"], complete.spec
    counted = {"parameters": 52_381_480, "macs": 7_969_996_800, "size": 224}
    content = {"backbones": dict.fromkeys(spec.backbones, counted), "runs": dict.fromkeys(spec.runs, counted)}
    complete.model("costs", {**content, "key": job.key})
    parsed, html = page(complete)
    assert parsed.problems == []
    block = html[html.index('id="costs"') :].partition('id="ledger"')[0]
    assert block.count("7,969,996,800</td>") == len(spec.backbones) + len(spec.runs)
    assert "{1, 1, 3, 1} to {2, 2, 1, 1}, widths unchanged: both cost the same 7,969,996,800 operations" in block
    assert block.count("Layer rearrangement") == 1
    content["backbones"]["resnext101-ss-lr"] = {**counted, "macs": 8_000_000_000}
    complete.model("costs", {**content, "key": job.key})
    block = page(complete)[1].partition('id="costs"')[2].partition('id="ledger"')[0]
    assert "7,969,996,800 and 8,000,000,000 operations." in block
    assert "nothing has to be adjusted" not in block
    write_json(complete.graph.layout.costs, {**content, "key": job.key, "more": 1})
    said = "Contradictory: results/mini/models/costs.json: it is not the file that costs.manifest.json describes"
    assert said in page(complete)[1]
