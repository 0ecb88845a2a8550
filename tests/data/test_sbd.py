import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from benchmarks.contents import mat
from exfuse.data import sbd
from exfuse.data.sbd import ARCHIVE, prepare_sbd
from exfuse.errors import UserError
from exfuse.files import read_csv
from tests.data.publishers import SBD_ROOT, labels, sbd_members, write_tar


def small() -> dict[str, bytes]:
    return sbd_members({"a": labels(6, 4, 3), "b": labels(6, 4)}, {"c": labels(6, 4, 20)}, (6, 4))


def prepare(folder: Path, members: dict[str, bytes], workers: int = 1) -> dict[str, int]:
    archive = write_tar(folder / ARCHIVE, members, "gz")
    return prepare_sbd({ARCHIVE: archive}, folder / "prepared" / "sbd", workers=workers)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_real_subset_against_scipy(real_archives: Path, tmp_path: Path) -> None:
    counts = prepare_sbd({ARCHIVE: real_archives / ARCHIVE}, tmp_path / "sbd")
    assert counts["train"] + counts["val"] == 90
    table = {row["id"]: row for row in read_csv(tmp_path / "sbd" / "index.csv")}
    with tarfile.open(real_archives / ARCHIVE) as tar:
        for member in tar:
            content, name = tar.extractfile(member).read(), Path(member.name)
            if name.suffix == ".jpg":
                assert (tmp_path / table[name.stem]["image"]).read_bytes() == content
            elif name.suffix == ".mat":
                truth = scipy.io.loadmat(io.BytesIO(content), squeeze_me=True)["GTcls"]["Segmentation"].item()
                stored = Image.open(tmp_path / table[name.stem]["mask"])
                assert stored.mode == "P"
                np.testing.assert_array_equal(np.asarray(stored), truth)
                present = " ".join(str(value) for value in np.unique(truth) if 0 < value < 255)
                assert table[name.stem]["classes"] == present


def test_workers_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert prepare(tmp_path / "one", small()) == {"train": 2, "val": 1, "test": 0}
    prepare(tmp_path / "two", small(), workers=2)
    assert contents(tmp_path / "one" / "prepared") == contents(tmp_path / "two" / "prepared")


MAT = f"{SBD_ROOT}/cls/a.mat"


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        (MAT, b"MATLAB 5.0 MAT-file" + bytes(300), r"a\.mat in .*the \.mat file is damaged"),
        (MAT, mat(GTcls={"Segmentation": labels(6, 4)})[:-20], r"a\.mat in .*damaged"),
        (MAT, mat(GTinst={"Segmentation": labels(6, 4)}), r"a\.mat in .*no GTcls"),
        (MAT, mat(GTcls={"Boundaries": labels(6, 4)}), r"a\.mat in .*no field Segmentation"),
        (MAT, mat(GTcls={"Segmentation": labels(4, 6)}), r"a\.mat in .*the mask has 4×6 pixels, its image 6×4"),
        (MAT, mat(GTcls={"Segmentation": labels(6, 4, 40)}), r"a\.mat in .*the label 40"),
        (MAT, mat(GTcls={"Segmentation": labels(6, 4).astype(float)}), r"a\.mat in .*float64"),
        (MAT, None, r"a\.mat in .*absent, though train\.txt"),
        (f"{SBD_ROOT}/img/c.jpg", None, r"c\.jpg in .*absent, though val\.txt"),
        (f"{SBD_ROOT}/val.txt", b"c\na\n", r"val\.txt in .*a is in the list of `train` too"),
        (f"{SBD_ROOT}/val.txt", None, r"val\.txt in .*absent"),
    ],
)
def test_bad_members_are_named_and_leave_nothing(
    tmp_path: Path, member: str, content: bytes | None, message: str
) -> None:
    members = small()
    if content is None:
        del members[member]
    else:
        members[member] = content
    with pytest.raises(UserError, match=message) as error:
        prepare(tmp_path, members)
    assert ARCHIVE in str(error.value)
    assert not (tmp_path / "prepared").exists() or list((tmp_path / "prepared").iterdir()) == []


def test_a_cut_archive_is_noticed(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / ARCHIVE, small(), "gz")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"benchmark\.tgz is damaged or cut short"):
        prepare_sbd({ARCHIVE: archive}, tmp_path / "sbd")


def test_another_number_of_images_than_declared_is_named(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / ARCHIVE, small(), "gz")
    with pytest.raises(UserError, match=r"benchmark\.tgz: 1 images in `val`, expected 2857"):
        prepare_sbd({ARCHIVE: archive}, tmp_path / "sbd", expected={"train": 2, "val": 2857})
    assert not (tmp_path / "sbd").exists()


def test_masks_that_are_finished_are_not_converted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path, small())
    archive = write_tar(tmp_path / ARCHIVE, small() | {f"{SBD_ROOT}/img/c.jpg": b"no image"}, "gz")
    with pytest.raises(UserError, match=r"c\.jpg in .*no JPEG"):
        prepare_sbd({ARCHIVE: archive}, tmp_path / "sbd", identity="key")
    monkeypatch.setattr(sbd, "read_segmentation", lambda *_: pytest.fail("a mask was converted again"))
    prepare_sbd({ARCHIVE: write_tar(archive, small(), "gz")}, tmp_path / "sbd", identity="key")
    assert contents(tmp_path / "sbd") == contents(tmp_path / "prepared" / "sbd")
