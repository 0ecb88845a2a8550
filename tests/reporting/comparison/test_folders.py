"""Folders to compare that are damaged, linked, or no results at all."""

import re
import shutil

import pytest

from exfuse.errors import UserError
from exfuse.reporting.comparison.differences import differences
from exfuse.reporting.comparison.folder import read_folder
from exfuse.reporting.comparison.page import write_comparison
from tests.reporting.comparison.reproductions import MANIFEST, STAGE, change, page


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
