"""Summaries worked by hand, files there and back, and that none of it needs torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exfuse.errors import UserError
from exfuse.evaluation.results import (
    ClassificationResult,
    SegmentationResult,
    read_confusions,
    read_predictions,
    summarize_classification,
    summarize_segmentation,
    write_confusions,
    write_predictions,
)
from exfuse.files import write_json

NAMES = ("background", "cat", "dog", "sofa")
# two images; class 2 has ground truth at boundaries only, class 3 was only predicted
BOUNDARY = np.array(
    [
        [[2, 1, 0, 0], [0, 3, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]],
        [[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    ],
    dtype=np.int32,
)
INTERIOR = np.array([np.diag([10, 4, 0, 0]), np.diag([6, 0, 0, 0])], dtype=np.int32)
RESULT = SegmentationResult(("a", "b"), BOUNDARY, INTERIOR, flip=False)


def test_summary_by_hand(tmp_path: Path) -> None:
    summary = summarize_segmentation(RESULT, NAMES)
    # background 19 of 19 + 2 wrong + 1 taken for it; cat 7 of 7 + 1; dog 1 of 2
    assert summary["iou"] == pytest.approx({"background": 19 / 22, "cat": 7 / 8, "dog": 1 / 2, "sofa": None})
    assert summary["miou"] == pytest.approx((19 / 22 + 7 / 8 + 1 / 2) / 3)
    assert summary["boundary_miou"] == pytest.approx((3 / 6 + 3 / 4 + 1 / 2) / 3)
    assert summary["interior_miou"] == 1
    assert (summary["images"], summary["flip"], summary["predicted_only"]) == (2, False, ["sofa"])
    write_json(tmp_path / "val.json", summary)
    assert json.loads((tmp_path / "val.json").read_text()) == summary


def test_a_mean_over_nothing_is_null() -> None:
    empty = SegmentationResult(("a", "b"), np.zeros_like(BOUNDARY), INTERIOR, flip=True)
    summary = summarize_segmentation(empty, NAMES)
    assert summary["boundary_miou"] is None
    assert summary["miou"] == 1


def test_names_must_fit_the_classes() -> None:
    with pytest.raises(ValueError, match="3 names for 4 classes"):
        summarize_segmentation(RESULT, NAMES[:3])


def test_confusions_there_and_back(tmp_path: Path) -> None:
    flipped = SegmentationResult(("a", "b"), 2 * BOUNDARY, 3 * INTERIOR, flip=True)
    write_confusions(tmp_path / "one.npz", [RESULT, flipped])
    write_confusions(tmp_path / "two.npz", [RESULT, flipped])
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    plain, other = read_confusions(tmp_path / "one.npz")
    for read, written in ((plain, RESULT), (other, flipped)):
        assert (read.images, read.flip) == (written.images, written.flip)
        assert read.boundary.dtype == np.int32
        assert np.array_equal(read.boundary, written.boundary)
        assert np.array_equal(read.interior, written.interior)
        assert np.array_equal(read.confusion, written.boundary + written.interior)


def test_evaluations_of_different_images_do_not_share_a_file(tmp_path: Path) -> None:
    other = SegmentationResult(("a", "c"), BOUNDARY, INTERIOR, flip=True)
    with pytest.raises(ValueError, match="not of the same images"):
        write_confusions(tmp_path / "confusions.npz", [RESULT, other])
    assert not list(tmp_path.iterdir())


def test_top1_error_and_its_file(tmp_path: Path) -> None:
    labels = np.array([3, 1, 1, 0], dtype=np.int16)
    result = ClassificationResult(("a", "b", "c", "d"), labels, np.array([3, 1, 2, 2], dtype=np.int16))
    assert summarize_classification(result) == {"top1_error": 0.5, "images": 4}
    write_predictions(tmp_path / "predictions.npz", result)
    read = read_predictions(tmp_path / "predictions.npz")
    assert read.images == result.images
    assert np.array_equal(read.labels, labels)
    assert np.array_equal(read.predictions, result.predictions)


@pytest.mark.parametrize("read", [read_confusions, read_predictions])
def test_damaged_files_are_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    path = tmp_path / "values.npz"
    with pytest.raises(UserError, match=r"values\.npz"):
        read(path)
    path.write_bytes(b"PK\x03\x04 but nothing else")
    with pytest.raises(UserError, match=r"values\.npz"):
        read(path)
    np.savez(path, other=np.zeros(1))
    with pytest.raises(UserError, match=r"values\.npz holds no 'names'"):
        read(path)


def test_nothing_here_imports_torch() -> None:
    modules = "exfuse.evaluation.results, exfuse.evaluation.boundary, exfuse.evaluation.submission"
    subprocess.run([sys.executable, "-c", f"import sys, {modules}; sys.exit('torch' in sys.modules)"], check=True)
