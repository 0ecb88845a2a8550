"""Numbers and verdicts of two reproductions side by side."""

import re
import shutil

from exfuse.files import read_json, write_csv
from exfuse.reporting.comparison.folder import read_folder
from exfuse.reporting.comparison.numbers import compared_claims, compared_tables
from tests.reporting.comparison.reproductions import change, claim, make, page, sentences


def test_a_cell_stands_beside_the_papers_and_the_others(original, better, tmp_path):
    (table,) = compared_tables(read_folder(original), read_folder(better))
    last = next(line for line in table.lines if line.text("row") == "7")
    assert (last.text("paper"), last.number("a", "measured"), last.number("b", "measured")) == ("80.0", 45.67, 46.0)
    assert last.difference == 0.33
    assert table.heading(last) == "mIoU (%)"
    html = page(original, better, tmp_path)
    row = re.search(r'<th scope="row">7</th>(.*?)</tr>', html, re.S)[1]
    assert re.findall(r"80\.0|45\.67|46\.00|\+0\.33", row) == ["80.0", "45.67", "46.00", "+0.33"]


def test_seeds_and_their_deviation_stand_with_the_number(mini, original, tmp_path):
    three = make(mini, tmp_path / "three", 0.45, seeds=3)  # 45, 46, 47
    html = page(original, three, tmp_path)
    row = re.search(r'<th scope="row">7</th>(.*?)</tr>', html, re.S)[1]
    assert re.search(r"45\.67<small>1 seed</small>", row)
    assert re.search(r"46\.00<span class=\"std\"> ± 1\.00</span><small>3 seeds</small>", row)
    assert read_folder(three).seeds == (3,)
    assert "1 and 3 seeds: with fewer than 3 on a side" in sentences(original, three)
    assert "3 and 3 seeds: compare a difference with the deviations" in sentences(three, three)


def test_a_table_that_one_side_lacks_is_said(pair, tmp_path):
    a, b = pair
    shutil.rmtree(b / "tables")
    (b / "claims.csv").unlink()
    html = page(a, b, tmp_path)
    assert "B has no <code>tables/table3.csv</code>" in html
    assert "B has no <code>claims.csv</code>" in html
    assert "– only A" in html


def test_verdicts_that_disagree_are_marked_in_words(pair, tmp_path):
    _, b = pair
    mine = [claim("gain", "reproduced", paper="4.0", measured="3.5", low="1.0", high="6.0", why="Clearly."),
            claim("loss", "contradicted"), claim("rest", "same direction")]  # fmt: skip
    yours = [claim("gain", "not distinguishable", paper="4.0", measured="1.25"), claim("loss", "contradicted")]
    write_csv(b / "claims.csv", tuple(yours[0]), yours)
    other = tmp_path / "other"
    shutil.copytree(b, other)
    write_csv(other / "claims.csv", tuple(mine[0]), mine)
    found = compared_claims(read_folder(other), read_folder(b))
    assert [(line.text("claim"), line.agreement, line.difference) for line in found] == [
        ("gain", "differ", -2.25), ("loss", "same", None), ("rest", "alone", None),
    ]  # fmt: skip
    html = page(other, b, tmp_path)
    assert "1 have the same verdict on both sides, 1 another one, and 1 stand on one side alone" in html
    assert "✗ differ" in html and "✓ same" in html and "– only A" in html
    assert "[+1.00, +6.00]" in html and "Clearly." in html


def test_older_claims_have_outcomes_in_place_of_verdicts(pair):
    _, b = pair
    line = {"claim": "gain", "paper": "", "measured": "1", "seeds": "1", "outcome": "same sign", "status": "measured",
            "text": "It gains."}  # fmt: skip
    write_csv(b / "claims.csv", tuple(line), [line])
    (found,) = compared_claims(read_folder(b), read_folder(b))
    assert found.verdicts == ("same sign", "same sign")


def test_seeds_are_those_behind_the_numbers(pair):
    a, b = pair
    for seed in (1, 2):  # left over of an older preset
        target = b / f"runs/exfuse/seed{seed}"
        shutil.copytree(b / "runs/exfuse/seed0", target)
        for file in target.rglob("manifest.json"):
            change(file, "job", value=read_json(file)["job"].replace("seed0", f"seed{seed}"))
    assert "runs/exfuse/seed2/trainaug" in read_folder(b).jobs
    assert read_folder(b).seeds == (1,)
    assert "1 and 1 seed: with fewer than 3 on a side" in sentences(a, b)
