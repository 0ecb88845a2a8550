"""Folders to compare that are damaged, linked, or no results at all."""

import os
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


def test_a_folder_that_cannot_be_read_is_said(pair, monkeypatch):
    """A test that runs as root may read all, so the system's answer is made up."""
    _, b = pair

    def scandir(path, real=os.scandir):
        if str(path) == str(b / "runs"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = read_folder(b)
    assert found.problems == ("runs cannot be read",)
    assert MANIFEST.removesuffix("/manifest.json") not in found.jobs


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
    with pytest.raises(UserError, match=r"is no folder of results\. Give a results folder"):
        write_comparison(original, tmp_path / "empty", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize("place", [".", "results", "results/mini/runs", "results/mini/runs/exfuse/seed0"])
def test_who_gives_a_folder_near_is_told_the_results_folder(original, tmp_path, place):
    """Manifests of jobs lie in each of them, but none where its job's name says."""
    clone = tmp_path / "clone"
    shutil.copytree(original, clone / "results" / "mini")
    with pytest.raises(UserError, match=r"is no folder of results\. Did you mean \S*/clone/results/mini\?"):
        write_comparison(original, clone / place, tmp_path / "out.html")


def test_results_without_tables_are_results(original, tmp_path):
    """One job that lies where its name says is enough."""
    target = tmp_path / "begun" / MANIFEST
    target.parent.mkdir(parents=True)
    shutil.copy(original / MANIFEST, target)
    assert read_folder(tmp_path / "begun").jobs.keys() == {STAGE}


def test_a_folder_is_not_compared_with_a_part_of_itself(original, tmp_path):
    (tmp_path / "link").symlink_to(original)
    for pair in ((original, original.parent), (original.parent, original), (tmp_path / "link", original.parent)):
        with pytest.raises(UserError, match="would be compared with itself"):
            write_comparison(*pair, tmp_path / "out.html")


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
def test_a_table_that_cannot_be_read_is_passed_over(pair, tmp_path, content, message):
    """As a manifest is: all else is compared."""
    a, b = pair
    (b / "tables/table3.csv").write_bytes(content)
    html = page(a, b, tmp_path)
    assert "1 file of B passed over" in html
    (problem,) = read_folder(b).problems
    assert problem.startswith("tables/table3.csv")
    assert message in problem
    assert "table3" not in read_folder(b).tables
    assert read_folder(b).claims == read_folder(a).claims


def test_claims_that_cannot_be_read_are_passed_over(pair, tmp_path):
    a, b = pair
    (b / "claims.csv").write_text("")
    assert "1 file of B passed over" in page(a, b, tmp_path)
    assert read_folder(b).problems == ("claims.csv has no lines. Make it again.",)
    assert (read_folder(b).claims, read_folder(b).tables) == (None, read_folder(a).tables)


def test_a_folder_named_as_a_table_is_passed_over(pair, tmp_path):
    a, b = pair
    (b / "tables/table1.csv").mkdir()
    page(a, b, tmp_path)
    assert read_folder(b).problems == ("cannot read tables/table1.csv: Is a directory.",)
    assert read_folder(b).tables == read_folder(a).tables


def test_a_folder_with_nothing_but_a_cut_table_is_refused_with_the_reason(original, tmp_path):
    (tmp_path / "cut" / "tables").mkdir(parents=True)
    (tmp_path / "cut" / "tables" / "table3.csv").write_text("")
    with pytest.raises(
        UserError, match=r"is no folder of results \(tables/table3.csv has no lines\. Make it again\)\."
    ):
        write_comparison(original, tmp_path / "cut", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()
