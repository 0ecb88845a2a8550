"""What differs between two reproductions: settings, data, code, jobs."""

import re
import shutil

from exfuse.files import read_json, write_json
from exfuse.reporting.comparison.differences import differences, leaves
from exfuse.reporting.comparison.folder import read_folder
from tests.reporting.comparison.reproductions import MANIFEST, STAGE, change, page, sentences


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
