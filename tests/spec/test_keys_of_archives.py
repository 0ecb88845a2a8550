"""Keys and raw archives: their content counts, their time and place do not, and those of the test set stand apart."""

import os
from pathlib import Path

import pytest

from tests.params import Params
from tests.spec.job_names import FIGURES, PROBED, REPORT, matching

VOC_ARCHIVE = "VOCtrainval_11-May-2012.tar"


@pytest.fixture
def official(params: Params) -> Path:
    """An archive folder as `paper` reads it, with files too short to be real."""
    folder = params.root / "data" / "official"
    folder.mkdir(parents=True)
    (folder / VOC_ARCHIVE).write_bytes(b"one")
    (folder / "benchmark.tgz").write_bytes(b"two")
    return folder


def test_an_archives_content_is_part_of_the_keys_below_it(params: Params, official: Path) -> None:
    before = params.keys("paper")
    (official / "benchmark.tgz").write_bytes(b"owt")
    after = params.keys("paper")
    changed = {name for name in before if before[name] != after[name]}
    expected = [
        "data/sbd",
        "data/sets/trainaug",
        "data/sets/coco",
        "runs/*",
        "tables/table[1-7]",
        "claims",
        *FIGURES,
        *PROBED,
        *REPORT,
    ]
    assert changed == matching(expected, before)


def test_an_archives_time_and_place_are_not(params: Params, official: Path) -> None:
    before = params.keys("paper")
    os.utime(official / VOC_ARCHIVE, (1e9, 1e9))
    assert params.keys("paper") == before
    moved = official.rename(params.root / "moved")
    assert params.keys("paper", data_root=str(moved)) == before
    assert params.keys("paper", data_root="moved") == before


def test_an_archive_that_went_keeps_the_keys_of_what_was_prepared_from_it(params: Params, official: Path) -> None:
    """150 GB may be deleted after the preparation."""
    graph = params.graph("paper")
    before = {name: job.key for name, job in graph.jobs.items()}
    params.finish(graph, "data/voc")
    (official / VOC_ARCHIVE).unlink()
    after = params.keys("paper")
    assert after["data/voc"] == before["data/voc"]
    graph.jobs["data/voc"].manifest.unlink()
    assert params.keys("paper")["data/voc"] != before["data/voc"]


def test_the_test_servers_archive_needs_voc_test_images(params: Params, official: Path) -> None:
    assert not [name for name in params.keys("paper") if name.startswith("runs/") and name.endswith("/test")]
    (official / "VOC2012test.tar").write_bytes(b"three")
    assert [name for name in params.keys("paper") if name.startswith("runs/") and name.endswith("/test")] == [
        "runs/exfuse-resnet101-test/seed0/trainval/test",
        "runs/exfuse-resnext131-test/seed0/trainval/test",
    ]


def test_voc_test_images_that_come_later_make_no_training_stale(params: Params, official: Path) -> None:
    before = params.keys("paper")
    (official / "VOC2012test.tar").write_bytes(b"three")
    after = params.keys("paper")
    added = {"data/voc-test", "data/sets/test", *(name for name in after if name.endswith("/trainval/test"))}
    assert after.keys() - before.keys() == added
    assert {name for name in before if before[name] != after.get(name)} == {"tables/table8", *REPORT}


def test_voc_test_images_that_went_after_their_preparation_are_still_submitted(params: Params, official: Path) -> None:
    (official / "VOC2012test.tar").write_bytes(b"three")
    graph = params.graph("paper")
    params.finish(graph, "data/voc-test")
    (official / "VOC2012test.tar").unlink()
    assert params.keys("paper") == {name: job.key for name, job in graph.jobs.items()}
    graph.jobs["data/voc-test"].manifest.unlink()
    assert not {"data/voc-test", "data/sets/test"} & params.keys("paper").keys()


def test_the_subset_has_no_test_images(params: Params) -> None:
    assert not {"data/voc-test", "data/sets/test"} & params.keys("smoke", data="subset").keys()
