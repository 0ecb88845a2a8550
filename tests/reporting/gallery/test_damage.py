"""Predictions, counts and pictures that are cut, altered, or not there."""

import zipfile

import numpy as np
import pytest

from exfuse.evaluation.results import SegmentationResult, write_confusions
from exfuse.files import read_json, write_json
from exfuse.reporting.gallery.making import make
from tests.reporting.gallery.scenes import EXFUSE, GCN, halves, palette_png


def test_without_exfuse_nothing_is_chosen_and_it_is_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write(GCN)
    gallery = make(scene.graph)
    assert gallery.pictures == ()
    assert gallery.problems == (f"{EXFUSE}: missing",)


def test_without_gcn_the_best_and_worst_are_there(scene):
    for number in range(9):
        scene.image(f"i{number}", halves(0, 8), halves(0, 9), halves(0, 8, share=0.1 * number))
    scene.write(EXFUSE)
    gallery = make(scene.graph)
    assert [one.rule for one in gallery.pictures] == ["best"] * 4 + ["worst"] * 4
    assert {one.problems["gcn_mask"] for one in gallery.pictures} == {f"{GCN}: missing"}
    assert all(one.gcn is None and one.gcn_mask is None for one in gallery.pictures)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", None])
def test_cut_predictions_are_said_in_their_place(scene, damage):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    archive = scene.folder(EXFUSE) / "predictions.zip"
    archive.write_bytes(archive.read_bytes()[:-40] if damage is None else damage)
    (one,) = make(scene.graph).pictures
    assert "predictions.zip does not hold it, or cannot be read" in one.problems["exfuse_mask"]
    assert one.exfuse_mask is None
    assert one.gcn_mask is not None


def test_a_prediction_with_altered_bytes_is_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    archive = scene.folder(EXFUSE) / "predictions.zip"
    content = bytearray(archive.read_bytes())
    content[90] ^= 255  # within the picture's data: the zip's own checksum notices
    archive.write_bytes(content)
    assert "cannot be read" in make(scene.graph).pictures[0].problems["exfuse_mask"]


def test_cut_confusions_leave_the_pictures_that_there_are(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    counts = scene.folder(GCN) / "confusions.npz"
    counts.write_bytes(counts.read_bytes()[:100])
    gallery = make(scene.graph)
    assert "confusions.npz is missing or cannot be read" in gallery.problems[0]
    assert gallery.pictures[0].gcn is None
    assert gallery.pictures[0].gcn_mask is not None


@pytest.mark.parametrize(
    "wrong", [np.ones((1, 21, 21), np.int32), np.ones((2, 5, 5), np.int32), -np.ones((1, 5, 5), np.int32)]
)
def test_confusions_that_are_none_are_refused(scene, wrong):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_confusions(scene.folder(EXFUSE) / "confusions.npz", [SegmentationResult(("one",), wrong, wrong, False)])
    gallery = make(scene.graph)
    assert "does not hold counts of 5 classes" in gallery.problems[0]
    assert gallery.pictures == ()


def test_counts_of_another_evaluation_are_said(scene):
    """Counts that are whole, but of other predictions than those whose mIoU the tables print."""
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    counts = halves(0, 0).size // 2 * np.eye(5, dtype=np.int32)[None]
    result = SegmentationResult(("one",), counts, counts * 0, False)
    write_confusions(scene.folder(GCN) / "confusions.npz", [result])
    gallery = make(scene.graph)
    assert gallery.problems[0].startswith(f"{GCN}: contradictory: ")
    assert "confusions.npz holds other counts than those that val.json was made of" in gallery.problems[0]
    assert gallery.pictures[0].gcn is None
    assert gallery.pictures[0].exfuse is not None


@pytest.mark.parametrize("stated", [None, "0.5", 10**400, True], ids=range(4))
def test_an_evaluation_whose_mean_is_no_fraction_has_no_scores(scene, stated):
    scene.image("one", halves(0, 8), halves(0, 8), halves(0, 8))
    scene.write()
    path = scene.folder(EXFUSE) / "val.json"
    write_json(path, read_json(path) | {"miou": stated})
    scene.results.finish(scene.graph.jobs[f"{scene.graph.last_stage(EXFUSE, 0)}/val"])
    assert "contradictory" in make(scene.graph).problems[0]


def test_predictions_that_were_not_scored_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    with zipfile.ZipFile(scene.folder(EXFUSE) / "predictions.zip", "w") as archive:
        archive.writestr("one.png", palette_png(halves(0, 7)))
    (one,) = make(scene.graph).pictures
    assert "not the prediction that was scored" in one.problems["exfuse_mask"]


def test_predictions_of_another_size_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    with zipfile.ZipFile(scene.folder(EXFUSE) / "predictions.zip", "w") as archive:
        archive.writestr("one.png", palette_png(np.zeros((4, 4), np.uint8)))
    (one,) = make(scene.graph).pictures
    assert one.problems == {"exfuse_mask": "the prediction has another size than the image"}
    assert one.exfuse_mask is None


def test_photographs_and_masks_that_are_gone_or_of_another_size_are_said(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.image("two", halves(0, 8), halves(0, 9), halves(0, 7))
    scene.write()
    data = scene.graph.layout.data / "voc"
    (data / "0.jpg").unlink()
    (data / "1.png").write_bytes(palette_png(np.zeros((4, 4), np.uint8)))
    one, two = make(scene.graph).pictures
    assert one.problems == {"photograph": "missing: 0.jpg cannot be read"}
    assert one.photograph is None and one.truth is not None
    assert two.problems == {"truth": "the mask has another size than the photograph"}


def test_images_that_only_one_side_scored_are_counted(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    scene.image("two", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write(EXFUSE)
    assert make(scene.graph).problems == (f"images that were scored with {EXFUSE} alone: 1",)
