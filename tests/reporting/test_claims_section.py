"""The section on claims as it stands in the page: verdicts in words, the rule from its numbers, what is missing."""

import dataclasses
import re
from itertools import product

import pytest

from exfuse.reporting.report import write_report
from exfuse.spec.statistics import Assumed


@pytest.fixture
def page(seeded):
    """Some claims of every kind of verdict but one, with three seeds where nothing else is said."""

    def run(name, miou, *shifts):
        for seed, shift in enumerate(shifts):
            seeded.run(name, miou + shift, seed=seed)

    run("exfuse", 0.50, 0.0, 0.0, 0.001)
    run("gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    run("ss", 0.44, 0.0, 0.0, 0.001)
    run("ss-tail", 0.47, 0.0, 0.03, -0.02)
    run("gcn-resnet50", 0.41, 0.0, 0.01)
    run("gcn-resnet50-ss", 0.43, 0.0, 0.02, 0.01)
    return seeded


def section(results):
    write_report(results.graph)
    html = results.graph.layout.report.read_text()
    return re.search(r'<section id="claims".*?</section>', html, flags=re.S)[0], html


def row(html, name):
    return re.search(rf'<tr id="claim-{name}">.*?</tr>', html, flags=re.S)[0]


def test_each_claim_has_its_verdict_in_words_with_its_reason(page):
    html, whole = section(page)
    reproduced = row(html, "exfuse-total")
    assert '<span class="verdict verdict-is-reproduced">reproduced</span>' in reproduced
    assert 'data-sort="0"' in reproduced
    assert "<b>+4.00</b>" in reproduced and "[+3.75, +4.25]" in reproduced and "3 seeds" in reproduced
    assert "given one pretraining of each backbone" in reproduced
    assert (
        "+4.00 is above 0: corrected p &lt; 0.001, and 100% of the paper&#39;s +4.0. Decided among 4 claims."
        in reproduced
    )
    assert ">contradicted</span>" in row(html, "ss-second-convolution")
    assert ">not distinguishable</span>" in row(html, "ss-resnext101-tail")
    assert ">not run</span>" in row(html, "coco") and "exfuse-resnext131: missing" in row(html, "coco")
    assert "quoted, not tested" in row(html, "over-deeplabv3-val")
    two = row(html, "ss-resnet50")
    assert "2 of 3 seeds" in two and ">not distinguishable</span>" in two
    summary = re.search(r'<div class="glance">.*?</div>', whole, flags=re.S)[0]
    assert re.findall(r">(\d+ [a-z ]+)</span>", summary) == [
        "1 reproduced", "3 not distinguishable", "1 contradicted", "20 not run",
    ]  # fmt: skip


def test_drawings_repeat_what_the_text_says(page):
    html, _ = section(page)
    drawings = re.findall(r"<svg [^>]*>", html)
    assert len(drawings) > 20
    assert all('aria-hidden="true"' in drawing for drawing in drawings)
    assert "mIoU from −6.9 to +6.9" in html


def test_the_rule_is_printed_from_its_numbers(page):
    rule = page.spec.statistics.model_copy(
        update={"least_share": Assumed(value=0.75, why="because"), "confidence": Assumed(value=0.9, why="because")}
    )
    page.graph.spec = dataclasses.replace(page.spec, statistics=rule)
    html, _ = section(page)
    assert "at least 75% of it" in html and "at most 0.1 after" in html and "Intervals are 90%" in html
    assert "0.75 (assumption): because." in html


def test_a_partial_report_says_among_how_many_claims_it_decides(page):
    html, _ = section(page)
    for name in ("exfuse-total", "ss-second-convolution", "ss-resnext101-tail"):
        assert "Decided among 4 claims." in row(html, name)
    for name in ("ss-resnet50", "coco", "over-deeplabv3-val"):  # two seeds, not run, quoted
        assert "Decided among" not in row(html, name)
    assert "4 of the 22 that seeds can decide have them now: with fewer the correction is milder" in html


def test_a_whole_report_and_an_empty_one_say_so(seeded):
    html, _ = section(seeded)
    assert "None of the 22 that seeds can decide has them now." in html
    measured = [name for name, run in seeded.spec.runs.items() if run.evaluated_on != "test"]
    for seed, (number, name) in product((0, 1, 2), enumerate(measured)):
        seeded.run(name, 0.4 + 0.001 * ((7 * number + 3 * seed) % 5), seed=seed)
    html, _ = section(seeded)
    assert "All 22 that seeds can decide have them now." in html
    assert html.count("Decided among 22 claims.") == 22
    assert html.count(">given one pretraining of each backbone</small>") == 9  # docs/statistics.md tells both
    assert "no seed shows by how much" in html


def test_an_effect_many_times_the_paper_says_so_beside_its_verdict(seeded):
    for seed, shift in enumerate((0.0, 0.0, 0.001)):
        seeded.run("ss-lr", 0.30 + shift, seed=seed)
        seeded.run("ss-lr-ecre", 0.50 + shift / 2, seed=seed)  # the paper: +0.5
        seeded.run("ss-lr-seb", 0.307 + 2 * shift, seed=seed)  # the paper: +0.7
    html, _ = section(seeded)
    large = row(html, "ecre")
    assert ">reproduced</span>" in large
    assert ">larger than the paper&#39;s +0.5: our interval lies above it</small>" in large
    assert ">reproduced</span>" in row(html, "seb") or ">same direction</span>" in row(html, "seb")
    assert "our interval lies" not in row(html, "seb")
    assert "has no upper end" in html


def test_one_seed_says_what_it_cannot_tell(results):
    results.run("exfuse", 0.5)
    results.run("gcn-resnext101", 0.4)
    html, whole = section(results)
    found = row(html, "exfuse-total")
    assert "<b>+10.00</b>" in found and "no interval" in found
    assert "results/mini/runs/exfuse/seed0/trainaug/confusions.npz is not there" in found
    assert "nothing can be called reproduced or contradicted" in whole
