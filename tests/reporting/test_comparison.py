"""Two reproductions side by side: what is equal, what differs, and folders that cannot be compared."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.files import read_json, write_csv, write_json
from exfuse.reporting.claims import write_claims
from exfuse.reporting.comparison.differences import differences, leaves
from exfuse.reporting.comparison.folder import read_folder
from exfuse.reporting.comparison.meaning import meaning
from exfuse.reporting.comparison.numbers import compared_claims, compared_tables
from exfuse.reporting.comparison.page import write_comparison
from exfuse.reporting.tables import write_table
from tests.reporting.conftest import Results

HOSTILE = "<script>alert('1')</script> & \"quotes\" 标签 " + "x" * 200
STAGE = "runs/exfuse/seed0/trainaug"
MANIFEST = f"{STAGE}/manifest.json"


def make(spec, root: Path, miou: float, seeds: int = 1) -> Path:
    """A small reproduction: GCN and ExFuse, Table 3, the claims."""
    preset = spec.preset.model_copy(update={"seeds": seeds})
    results = Results(replace(spec, root=root, preset=preset))
    results.val_set()
    for seed in range(seeds):
        results.run("exfuse", miou + 0.01 * seed, seed=seed)
        results.run("gcn-resnext101", 0.40, seed=seed)
    write_table(results.graph, "table3")
    results.finish(results.graph.jobs["tables/table3"])
    write_claims(results.graph)
    results.finish(results.graph.jobs["claims"])
    return results.graph.layout.base


@pytest.fixture(scope="module")
def original(mini, tmp_path_factory):
    return make(mini, tmp_path_factory.mktemp("original"), 0.4567)


@pytest.fixture
def pair(original, tmp_path):
    """Two copies of one reproduction, which a test may change."""
    copies = tmp_path / "a" / "mini", tmp_path / "b" / "mini"
    for copy in copies:
        shutil.copytree(original, copy)
    return copies


@pytest.fixture
def better(mini, tmp_path):
    return make(mini, tmp_path / "better", 0.46)


def change(file: Path, *path: str, value) -> None:
    """Changes a value of a JSON file."""
    content = read_json(file)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    write_json(file, content)


def page(a: Path, b: Path, tmp_path: Path) -> str:
    output = tmp_path / "comparison.html"
    write_comparison(a, b, output, overwrite=True)
    return output.read_text()


def sentences(a: Path, b: Path) -> str:
    both = read_folder(a), read_folder(b)
    return " ".join(meaning(*both, differences(*both)))


# Numbers


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


def claim(name, verdict, **more):
    line = dict.fromkeys(("paper", "measured", "low", "high", "seeds", "why"), "")
    return {"claim": name, "text": f"It {name}s.", "status": "measured", "verdict": verdict, **line, **more}


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


# What differs


def test_copies_differ_in_nothing(pair, tmp_path):
    found = differences(*map(read_folder, pair))
    assert (found.settings, found.data, found.only_a, found.only_b) == ((), (), (), ())
    assert found.trained == 2
    words = sentences(*pair)
    assert "The same data" in words and "The same settings" in words and "The same code (abc123)" in words
    assert words.endswith("what differs comes from the machine (threads, kernels) or from chance.")
    assert "None, in the jobs that both have." in page(*pair, tmp_path)


def test_a_setting_is_told_by_dotted_path_once_for_all_jobs(pair):
    a, b = pair
    for run in ("exfuse", "gcn-resnext101"):
        change(b / f"runs/{run}/seed0/trainaug/manifest.json", "settings", "fine_tuning", "crop_size", value=512)
    (found,) = differences(read_folder(a), read_folder(b)).settings
    old = read_json(a / MANIFEST)["settings"]["fine_tuning"]["crop_size"]
    assert (found.path, found.a, found.b) == ("fine_tuning.crop_size", str(old), "512")
    assert sorted(found.jobs) == [STAGE, "runs/gcn-resnext101/seed0/trainaug"]
    words = sentences(a, b)
    assert "Other settings: they differ in 1 place." in words
    assert "comes from the settings, from the machine, or from chance" in words


def test_words_that_are_only_printed_are_no_settings(pair):
    a, b = pair
    table, claims = b / "tables/table3.manifest.json", b / "claims.manifest.json"
    change(table, "settings", "table", "caption", value="Reworded.")
    change(table, "settings", "table", "rows", 0, "label", value="first")
    change(table, "settings", "caveat", value="Beware.")
    for manifest in (table, claims):
        change(manifest, "settings", "preset", value="other")
    name = next(iter(read_json(claims)["settings"]["claims"]))
    change(claims, "settings", "claims", name, "text", value="Reworded.")
    assert differences(read_folder(a), read_folder(b)).settings == ()
    assert "Presets of two names (mini, other)" in sentences(a, b)
    change(table, "settings", "table", "rows", 0, "cells", "miou", "measure", "flip", value=True)
    assert [one.path for one in differences(read_folder(a), read_folder(b)).settings] == [
        "table.rows.0.cells.miou.measure.flip"
    ]


def test_a_setting_that_one_side_has_not_is_told(pair):
    a, b = pair
    change(b / MANIFEST, "settings", "new", value={"deep": [1, 2]})
    (found,) = differences(read_folder(a), read_folder(b)).settings
    assert (found.path, found.a, found.b) == ("new.deep", "–", "1, 2")


def test_other_archives_are_other_data_and_no_setting(pair):
    a, b = pair
    for folder, digest in ((a, "sha256:1"), (b, "sha256:2")):
        target = folder / "data/voc/manifest.json"
        write_json(target, {"job": "data/voc", "key": digest, "settings": {"raw": {"VOC.tar": digest}}, "upstream": {},
                            "outputs": {"index.csv": {"sha256": "3"}}})  # fmt: skip
    found = differences(read_folder(a), read_folder(b))
    (one,) = found.data
    assert (one.job, one.item, one.a, one.b) == ("data/voc", "VOC.tar", "sha256:1", "sha256:2")
    assert found.settings == ()
    assert "Other data: 1 of" in sentences(a, b)


def test_lists_that_differ_are_another_preparation(pair):
    a, b = pair
    change(b / "data/sets/val.manifest.json", "outputs", "val.csv", "sha256", value="other")
    assert "The same archives, prepared otherwise: 1 lists of images differ (data/sets/val: val.csv)." in sentences(
        a, b
    )


def test_jobs_that_one_side_has_not_are_listed(pair, tmp_path):
    a, b = pair
    shutil.rmtree(b / "runs/gcn-resnext101")
    found = differences(read_folder(a), read_folder(b))
    assert found.only_a == ("runs/gcn-resnext101/seed0/trainaug", "runs/gcn-resnext101/seed0/trainaug/val")
    assert found.only_b == ()
    assert "2 only in A" in page(a, b, tmp_path)


def test_other_code_is_told_and_two_reasons_cannot_be_told_apart(pair):
    a, b = pair
    for file in b.rglob("*provenance.json"):
        change(file, "code", value="def456")
    words = sentences(a, b)
    assert re.search(r"Other code in (\d+) of \1 jobs that both have: abc123 against def456\.", words)
    assert "comes from the code, from the machine, or from chance" in words
    change(b / MANIFEST, "settings", "new", value=1)
    assert "from settings or code: this page cannot tell them apart" in sentences(a, b)


def test_a_mixture_is_the_same_code_where_each_job_has_the_same(pair):
    for folder in pair:
        change(folder / f"{STAGE}/provenance.json", "code", value="def456")
    assert "The same code (abc123, def456)." in sentences(*pair) or "The same code (def456, abc123)." in sentences(
        *pair
    )
    change(pair[1] / f"{STAGE}/provenance.json", "code", value="abc123")
    assert re.search(r"Other code in 1 of \d+ jobs", sentences(*pair))


def test_code_with_changes_is_not_called_the_same(pair):
    _, b = pair
    for file in b.rglob("*provenance.json"):
        change(file, "code", value="abc123+changes")
    assert "with changes that nobody recorded" in sentences(b, b)
    assert "may come from code" in sentences(b, b)


def test_trainings_with_the_same_files_are_counted(pair):
    a, b = pair
    outputs = {"weights.safetensors": {"sha256": "1"}}
    for folder in (a, b):
        change(folder / MANIFEST, "outputs", value=outputs)
    found = differences(read_folder(a), read_folder(b))
    assert found.trained == 2
    before = found.same_bits
    change(b / MANIFEST, "outputs", "weights.safetensors", "sha256", value="2")
    assert differences(read_folder(a), read_folder(b)).same_bits == before - 1
    for folder in (a, b):
        change(folder / MANIFEST, "outputs", value={})
    assert differences(read_folder(a), read_folder(b)).same_bits == before - 1  # no file is no evidence


def test_leaves_of_nested_settings():
    tree = {"a": {"b": [1, 2.5, "c"]}, "d": [{"e": None}], "f": True, "g": []}
    assert dict(leaves(tree)) == {"a.b": "1, 2.5, c", "d.0.e": "none", "f": "true", "g": "none"}


# The page


def test_page_is_whole_and_asks_nobody(original, better, tmp_path):
    html = page(original, better, tmp_path)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert not re.search(r'src=|@import|url\(|https?://|href="[^#]', html)
    assert html.count("<table") == html.count("<caption")


def test_hostile_words_are_shown(pair, tmp_path):
    a, b = pair
    lines = [{"row": HOSTILE, "column": HOSTILE, "run": HOSTILE, "paper": "1", "measured": "2", "std": "", "seeds": "1",
              "status": HOSTILE}]  # fmt: skip
    write_csv(b / "tables/table3.csv", tuple(lines[0]), lines)
    write_csv(b / "claims.csv", tuple(claim("x", "y")), [claim(HOSTILE, HOSTILE, why=HOSTILE)])
    change(b / MANIFEST, "settings", HOSTILE, value=HOSTILE)
    change(b / f"{STAGE}/provenance.json", "host", value=HOSTILE)
    change(b / "tables/table3.manifest.json", "settings", "table", "caption", value=HOSTILE)
    folder = tmp_path / "<b>folder</b>"
    shutil.move(b, folder)
    html = page(a, folder, tmp_path)
    assert "<script>alert" not in html and "<b>folder" not in html
    assert html.count("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;") >= 8


def test_a_manifest_that_cannot_be_read_is_said(pair, tmp_path):
    a, b = pair
    (b / MANIFEST).write_text('{"job": "x", "key')
    html = page(a, b, tmp_path)
    assert "1 file of B passed over" in html
    assert f"{MANIFEST} is no manifest that can be read" in html


def test_a_provenance_that_cannot_be_read_leaves_its_job(pair):
    a, b = pair
    (b / f"{STAGE}/provenance.json").write_text('{"code": "abc')
    found = read_folder(b)
    assert found.problems == (f"{STAGE}/provenance.json cannot be read; its job counts, without code",)
    assert differences(read_folder(a), found).only_a == ()


@pytest.mark.parametrize("copy", ["exfuse.bak", "a-copy"])  # one comes after the original, one before
def test_a_copy_does_not_replace_the_job(pair, copy):
    a, b = pair
    shutil.copytree(b / "runs/exfuse", b / "runs" / copy)
    target = b / f"runs/{copy}/seed0/trainaug/manifest.json"
    change(target, "settings", "fine_tuning", "crop_size", value=1)
    found = read_folder(b)
    assert differences(read_folder(a), found).settings == ()
    place = target.relative_to(b).as_posix()
    assert f"{place} is a second manifest of {STAGE}; {MANIFEST} counts" in found.problems


def test_links_to_another_disk_are_followed_once(pair, tmp_path):
    a, b = pair
    shutil.move(b / "runs", tmp_path / "disk")
    (b / "runs").symlink_to(tmp_path / "disk")
    (b / "again").symlink_to(tmp_path / "disk" / "exfuse")
    (b / "data" / "loop").symlink_to(b)
    (b / "data" / "above").symlink_to(tmp_path)
    found = read_folder(b)
    assert found.jobs.keys() == read_folder(a).jobs.keys()
    assert found.problems == ()


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


# What cannot be compared


def test_what_is_no_results_folder_is_said(original, tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        write_comparison(original, tmp_path / "gone", tmp_path / "out.html")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no results of this program\. Give a results folder"):
        write_comparison(original, tmp_path / "empty", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


def test_a_clone_is_told_its_results_folder(original, tmp_path):
    clone = tmp_path / "clone"
    (clone / "results" / "mini" / "tables").mkdir(parents=True)
    with pytest.raises(UserError, match=r"Did you mean .*clone/results/mini\?"):
        write_comparison(original, clone / "results", tmp_path / "out.html")


def test_the_same_folder_by_two_names_is_said(original, tmp_path):
    (tmp_path / "link").symlink_to(original)
    with pytest.raises(UserError, match="are the same folder"):
        write_comparison(original, tmp_path / "link", tmp_path / "out.html")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no lines"),
        (b"row,column\n", "has no lines"),
        (b"name,score\nx,1\n", "another format: it has no column row, column, run"),
        (b"row,column,run,paper,measured,std,seeds,status\n1,miou,ss,77", "line 2: not as many cells"),
        (b"row,column,run,paper,measured,std,seeds,status\n1,miou,ss,77,x,,,m", "measured is 'x', not a number"),
        (b"row,column,run,paper,measured,std,seeds,status\n1,miou,ss,77,nan,,,m", "measured is 'nan', not a number"),
        (b"row,column,run,paper,measured,std,seeds,status\n1,miou,ss,77,inf,,,m", "measured is 'inf', not a number"),
        (b"row,column,run,paper,measured,std,seeds,status\n1,miou,\xff,77,,,,m", "is no table"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_message(pair, tmp_path, content, message):
    a, b = pair
    (b / "tables/table3.csv").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        write_comparison(a, b, tmp_path / "out.html")
    assert str(b / "tables/table3.csv") in str(raised.value)
    assert not (tmp_path / "out.html").exists()


def test_only_a_page_of_its_own_is_replaced(original, better, tmp_path):
    output = tmp_path / "page.html"
    output.write_text("<html>somebody's work</html>")
    with pytest.raises(UserError, match=r"exists and is no comparison\. Use --overwrite"):
        write_comparison(original, better, output)
    assert output.read_text() == "<html>somebody's work</html>"
    write_comparison(original, better, output, overwrite=True)
    first = output.read_text()
    write_comparison(better, original, output)
    assert output.read_text() != first
    with pytest.raises(UserError, match="is a folder"):
        write_comparison(original, better, tmp_path)
