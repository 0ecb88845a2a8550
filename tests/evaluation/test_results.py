"""Summaries worked by hand, files there and back, and that none of it needs torch."""

import json
import subprocess
import sys
import zipfile
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


@pytest.fixture
def classified(tmp_path: Path) -> Path:
    """A file of three images' classes."""
    labels = np.array([3, 1, 1], dtype=np.int16)
    write_predictions(tmp_path / "predictions.npz", ClassificationResult(("a", "b", "c"), labels, labels[::-1]))
    return tmp_path / "predictions.npz"


def test_a_flipped_bit_gives_the_same_or_a_users_error(classified: Path) -> None:
    """Each byte of a file with each of two bits inverted: never another exception, never other classes."""
    whole, written = classified.read_bytes(), read_predictions(classified)
    same = 0
    for place in range(len(whole)):
        for bit in (1, 32):
            classified.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            try:
                read = read_predictions(classified)
            except UserError:
                continue
            same += 1
            assert read.images == written.images
            assert np.array_equal(read.labels, written.labels)
            assert np.array_equal(read.predictions, written.predictions)
    assert 0 < same < len(whole)  # dates and attributes of members may be any


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (3,",  # tokenize.TokenError
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (9**)}",  # SyntaxError
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (1000000000000000,), }",  # MemoryError
        b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",  # objects, which would be unpickled
        b"{'descr': 'M9', 'fortran_order': False, 'shape': (3,), }",
    ],
    ids=range(5),
)
def test_headers_that_numpy_cannot_read_are_a_users_error(tmp_path: Path, header: bytes) -> None:
    """They are whole as members of the archive: no checksum tells of them."""
    path = tmp_path / "confusions.npz"
    write_confusions(path, [RESULT])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    line = header.ljust(117) + b"\n"
    members["plain_boundary.npy"] = b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + bytes(6)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=r"cannot read .*confusions\.npz"):
        read_confusions(path)


@pytest.mark.parametrize("name", ["names", "label", "prediction"])
@pytest.mark.parametrize("wrong", [np.array("a"), np.array(3), np.ones((1, 1), np.int16), np.array([0.5])])
def test_arrays_of_another_kind_or_shape_are_a_users_error(tmp_path: Path, name: str, wrong: np.ndarray) -> None:
    one = np.ones(1, np.int16)
    path = tmp_path / "predictions.npz"
    np.savez(path, **{"names": np.array(["a"]), "label": one, "prediction": one, name: wrong})
    with pytest.raises(UserError, match=f"'{name}' in .*predictions"):
        read_predictions(path)


def test_confusions_of_another_kind_are_a_users_error(tmp_path: Path) -> None:
    path = tmp_path / "confusions.npz"
    np.savez(path, names=np.array(["a", "b"]), plain_boundary=BOUNDARY, plain_interior=INTERIOR.astype(np.float32))
    with pytest.raises(UserError, match=r"'plain_interior' in .* is float32 of shape \(2, 4, 4\)"):
        read_confusions(path)


def test_nothing_here_imports_torch() -> None:
    modules = "exfuse.evaluation.results, exfuse.evaluation.boundary, exfuse.evaluation.submission"
    subprocess.run([sys.executable, "-c", f"import sys, {modules}; sys.exit('torch' in sys.modules)"], check=True)
