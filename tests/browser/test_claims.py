"""Verdicts as a reader meets them: in the summary, in their table, by word and sign, from a number to its run."""

import re

import pytest

from exfuse.files import read_csv
from exfuse.reporting.claims import write_claims
from exfuse.reporting.statistics.verdict import VERDICTS
from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lines(reproduction):
    """The same reproduction's `claims.csv`."""
    write_claims(reproduction)
    return {line["claim"]: line for line in read_csv(reproduction.layout.claims)}


def test_every_claim_has_the_verdict_of_the_file(opened, reproduction, lines):
    page = opened(reproduction.layout.report)
    for name, line in lines.items():
        row = page.locator(f"#claim-{name}")
        shown = row.locator(".verdict").all_inner_texts()
        assert [re.sub(r"^\W+", "", text) for text in shown] == ([line["verdict"]] if line["verdict"] else [])
        if line["low"]:
            ends = [f"{float(line[end]):+.2f}".replace("-", "−") for end in ("low", "high")]
            assert f"[{ends[0]}, {ends[1]}]" in row.inner_text()


def test_the_summary_counts_the_verdicts_and_leads_to_them(opened, reproduction, lines):
    page = opened(reproduction.layout.report)
    told = {word: sum(line["verdict"] == word for line in lines.values()) for word in VERDICTS}
    shown = page.locator("#summary .glance summary").all_inner_texts()
    assert [re.sub(r"^\W+", "", text) for text in shown] == [f"{count} {word}" for word, count in told.items() if count]
    page.locator("#summary .glance details[open] a").first.click()
    assert page.url.partition("#")[2].removeprefix("claim-") in lines


def test_a_verdict_is_a_sign_and_a_word_not_a_colour(opened, reproduction):
    page = opened(reproduction.layout.report, PHONE)
    signs = page.locator("#claims tbody .verdict").evaluate_all(
        "nodes => nodes.map((node) => [node.innerText, getComputedStyle(node, '::before').content])"
    )
    by_word = dict(signs)
    assert len(by_word) >= 2
    assert len(set(by_word.values())) == len(by_word)


def test_claims_sort_by_verdict(opened, reproduction):
    page = opened(reproduction.layout.report)
    page.locator("#claims thead th", has_text="Verdict").get_by_role("button").click()
    words = [re.sub(r"^\W+", "", text) for text in page.locator("#claims tbody .verdict").all_inner_texts()]
    assert words == sorted(words, key=VERDICTS.index)
