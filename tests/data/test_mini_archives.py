"""The mini archives as strangers read them: torchvision, pycocotools, SciPy, Pillow and the publishers' rules."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from pycocotools.coco import COCO
from pydantic import ValidationError

from exfuse.data.labels import IGNORE_INDEX, voc_palette
from exfuse.data.mini import ARCHIVES, write_archives
from exfuse.errors import UserError
from exfuse.spec.mini import MiniSettings, SideRange

SETTINGS = MiniSettings(
    seed=7,
    voc_side=SideRange(long=64, short=48),
    coco_side=SideRange(long=80, short=56),
    imagenet_side=SideRange(long=48, short=40),
    voc_train=12,
    voc_val=8,
    voc_test=3,
    sbd_own=12,
    sbd_in_voc_train=5,
    sbd_in_voc_val=4,
    coco_train=20,
    coco_val=10,
    imagenet_train=3,
    imagenet_val=2,
)
VOC_CATEGORIES = {5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72}
VOC_ROOT = Path("VOCdevkit/VOC2012")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("archives")
    return folder, write_archives(SETTINGS, folder)


@pytest.fixture(scope="module")
def archives(made: tuple[Path, dict[str, str]]) -> Path:
    return made[0]


@pytest.fixture(scope="module")
def unpacked(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything but ImageNet, unpacked as a user of the official archives would."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name in ("VOCtrainval_11-May-2012.tar", "benchmark.tgz", "ILSVRC2012_devkit_t12.tar.gz"):
        with tarfile.open(archives / name) as archive:
            archive.extractall(folder, filter="data")
    for name in ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip"):
        with zipfile.ZipFile(archives / name) as archive:
            archive.extractall(folder)
    return folder


def ids(path: Path) -> list[str]:
    return path.read_text().split()


def test_a_second_generation_has_the_same_bytes(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, checksums = made
    assert tuple(checksums) == ARCHIVES
    assert write_archives(SETTINGS, tmp_path) == checksums
    for name in ARCHIVES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_another_seed_draws_other_pictures(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    other = write_archives(SETTINGS.model_copy(update={"seed": 8}), tmp_path)
    assert all(other[name] != checksum for name, checksum in made[1].items())


def test_progress_reaches_every_total(tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    write_archives(SETTINGS, tmp_path, lambda name, done, total: calls.append((name, done, total)))
    ends = {name: total for name, done, total in calls if done == total}
    assert ends == {
        "VOCtrainval_11-May-2012.tar": 35,
        "train2014.zip": 20,
        "val2014.zip": 10,
        "ILSVRC2012_img_train.tar": 36,
        "ILSVRC2012_img_val.tar": 24,
    }


def test_unwritable_folder_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_archives(SETTINGS, tmp_path / "file" / "archives")


@pytest.mark.parametrize("change", [{"sbd_in_voc_val": 9}, {"sbd_in_voc_train": 13}, {"voc_train": 0}, {"sized": 1}])
def test_impossible_settings_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        MiniSettings.model_validate({**SETTINGS.model_dump(), **change})


@pytest.mark.parametrize(("split", "count"), [("train", 12), ("val", 8), ("trainval", 20)])
def test_torchvision_reads_voc(unpacked: Path, split: str, count: int) -> None:
    from torchvision.datasets import VOCSegmentation

    dataset = VOCSegmentation(str(unpacked), year="2012", image_set=split)
    assert len(dataset) == count
    for image, mask in dataset:
        assert image.size == mask.size
        assert image.mode == "RGB"
        assert mask.mode == "P"
        assert bytes(mask.getpalette()) == voc_palette()
        assert max(image.size) == 64
        assert 48 <= min(image.size) <= 64


def test_voc_labels_have_thin_void_lines_and_other_classes(unpacked: Path) -> None:
    seen = set()
    for name in ids(unpacked / VOC_ROOT / "ImageSets/Segmentation/trainval.txt"):
        classes = np.array(Image.open(unpacked / VOC_ROOT / f"SegmentationClass/{name}.png"))
        objects = np.array(Image.open(unpacked / VOC_ROOT / f"SegmentationObject/{name}.png"))
        assert np.array_equal(classes == IGNORE_INDEX, objects == IGNORE_INDEX)
        assert np.array_equal(classes == 0, objects == 0)
        assert (classes == IGNORE_INDEX).mean() < 0.25
        seen |= set(np.unique(classes).tolist())
    assert {0, 2, 7, 8, 9, IGNORE_INDEX} < seen
    assert seen <= {0, 2, 7, 8, 9, 12, 13, 15, 18, IGNORE_INDEX}


def test_voc_test_tar_has_pictures_and_no_labels(archives: Path) -> None:
    with tarfile.open(archives / "VOC2012test.tar") as archive:
        files = {member.name for member in archive if member.isfile()}
        listing = archive.extractfile(str(VOC_ROOT / "ImageSets/Segmentation/test.txt"))
        assert listing is not None
        names = listing.read().decode().split()
    assert len(names) == 3
    pictures = {str(VOC_ROOT / f"JPEGImages/{name}.jpg") for name in names}
    assert files == pictures | {str(VOC_ROOT / "ImageSets/Segmentation/test.txt")}


def test_sbd_shares_ids_with_both_splits_of_voc(unpacked: Path) -> None:
    sbd = unpacked / "benchmark_RELEASE/dataset"
    train, val = ids(sbd / "train.txt"), ids(sbd / "val.txt")
    voc = {split: set(ids(unpacked / VOC_ROOT / f"ImageSets/Segmentation/{split}.txt")) for split in ("train", "val")}
    assert len({*train, *val}) == len(train) + len(val) == 12 + 5 + 4
    for split in (train, val):
        assert voc["train"] & set(split)
        assert voc["val"] & set(split)
    assert len({*train, *val} & voc["train"]) == 5
    assert len({*train, *val} & voc["val"]) == 4
    shared = sorted({*train, *val} & voc["train"])[0]
    picture = (unpacked / VOC_ROOT / f"JPEGImages/{shared}.jpg").read_bytes()
    assert (sbd / f"img/{shared}.jpg").read_bytes() == picture


@pytest.mark.parametrize("split", ["train", "val"])
def test_torchvision_reads_sbd(unpacked: Path, split: str) -> None:
    from torchvision.datasets import SBDataset

    folder = str(unpacked / "benchmark_RELEASE/dataset")
    maps = SBDataset(folder, split, mode="segmentation")
    boundaries = SBDataset(folder, split, mode="boundaries")
    for (image, mask), (_, lines) in zip(maps, boundaries, strict=True):
        labels = np.array(mask)
        assert labels.dtype == np.uint8
        assert mask.size == image.size
        assert IGNORE_INDEX not in labels
        assert lines.shape == (20, *labels.shape)
        for label in range(1, 21):
            assert lines[label - 1].any() == (labels == label).any()
            assert (labels[lines[label - 1].astype(bool)] == label).all()


def test_sbd_and_voc_agree_outside_the_void_line(unpacked: Path) -> None:
    sbd = unpacked / "benchmark_RELEASE/dataset"
    shared = set(ids(sbd / "train.txt")) & set(ids(unpacked / VOC_ROOT / "ImageSets/Segmentation/trainval.txt"))
    for name in shared:
        mat = scipy.io.loadmat(sbd / f"cls/{name}.mat")
        of_sbd = mat["GTcls"][0]["Segmentation"][0]
        of_voc = np.array(Image.open(unpacked / VOC_ROOT / f"SegmentationClass/{name}.png"))
        known = of_voc != IGNORE_INDEX
        assert np.array_equal(of_sbd[known], of_voc[known])
        assert mat["GTcls"][0]["CategoriesPresent"][0].ravel().tolist() == np.unique(of_sbd[of_sbd > 0]).tolist()


def test_void_follows_the_outlines_that_sbd_has_without_it(unpacked: Path) -> None:
    """Across any change of SBD's label, at least one of the two pixels is void in VOC."""
    sbd = unpacked / "benchmark_RELEASE/dataset"
    shared = set(ids(sbd / "train.txt")) & set(ids(unpacked / VOC_ROOT / "ImageSets/Segmentation/trainval.txt"))
    changes = 0
    for name in shared:
        labels = scipy.io.loadmat(sbd / f"cls/{name}.mat")["GTcls"][0]["Segmentation"][0]
        void = np.array(Image.open(unpacked / VOC_ROOT / f"SegmentationClass/{name}.png")) == IGNORE_INDEX
        for axis in (0, 1):
            first, second = (slice(None, -1), slice(1, None))
            here, there = ((first, slice(None)), (second, slice(None))) if axis == 0 else ((..., first), (..., second))
            change = labels[here] != labels[there]
            changes += change.sum()
            assert (void[here] | void[there])[change].all()
    assert changes > 100


@pytest.mark.parametrize("split", ["train", "val"])
def test_pycocotools_reads_coco(unpacked: Path, split: str, capsys: pytest.CaptureFixture[str]) -> None:
    coco = COCO(unpacked / f"annotations/instances_{split}2014.json")
    for image in coco.loadImgs(coco.getImgIds()):
        assert image["file_name"] == f"COCO_{split}2014_{image['id']:012d}.jpg"
        with Image.open(unpacked / f"{split}2014" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
            assert max(picture.size) == 80
        for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
            mask = coco.annToMask(annotation)
            assert mask.sum() == annotation["area"]
            x, y, width, height = (int(value) for value in annotation["bbox"])
            assert mask[y : y + height, x : x + width].sum() == mask.sum()


@pytest.mark.parametrize("split", ["train", "val"])
def test_coco_has_its_quirks(unpacked: Path, split: str) -> None:
    content = json.loads((unpacked / f"annotations/instances_{split}2014.json").read_text())
    categories: dict[int, set[int]] = {image["id"]: set() for image in content["images"]}
    for annotation in content["annotations"]:
        categories[annotation["image_id"]].add(annotation["category_id"])
    crowds = [annotation for annotation in content["annotations"] if annotation["iscrowd"]]
    assert crowds
    assert all(annotation["category_id"] in VOC_CATEGORIES for annotation in crowds)
    assert all(isinstance(annotation["segmentation"]["counts"], list) for annotation in crowds)
    assert any(present and not present & VOC_CATEGORIES for present in categories.values())
    assert any(not present for present in categories.values())
    assert sum(bool(present & VOC_CATEGORIES) for present in categories.values()) > len(categories) / 2
    assert {category["id"] for category in content["categories"]} - VOC_CATEGORIES
    modes = [Image.open(unpacked / f"{split}2014" / image["file_name"]).mode for image in content["images"]]
    assert modes.count("L") == 1


def inner_files(archive: Path) -> dict[str, dict[str, bytes]]:
    """Class tar → file → bytes of ImageNet's tar of tars."""
    classes = {}
    with tarfile.open(archive) as outer:
        for member in outer:
            stream = outer.extractfile(member)
            assert stream is not None
            with tarfile.open(fileobj=io.BytesIO(stream.read())) as inner:
                classes[member.name] = {file.name: inner.extractfile(file).read() for file in inner}  # type: ignore[union-attr]
    return classes


def test_imagenet_train_is_a_tar_of_tars(archives: Path) -> None:
    classes = inner_files(archives / "ILSVRC2012_img_train.tar")
    assert len(classes) == 12
    for tar, files in classes.items():
        assert len(files) == SETTINGS.imagenet_train
        assert all(name.startswith(tar.removesuffix(".tar") + "_") and name.endswith(".JPEG") for name in files)
    pictures = [Image.open(io.BytesIO(content)) for files in classes.values() for content in files.values()]
    kinds = [(picture.format, picture.mode) for picture in pictures]
    assert kinds.count(("JPEG", "CMYK")) == 1
    assert kinds.count(("PNG", "RGB")) == 1
    assert kinds.count(("JPEG", "L")) == 1
    assert kinds.count(("JPEG", "RGB")) == len(kinds) - 3


def test_imagenet_devkit_keeps_its_own_ids(archives: Path, unpacked: Path) -> None:
    data = unpacked / "ILSVRC2012_devkit_t12/data"
    synsets = scipy.io.loadmat(data / "meta.mat", squeeze_me=True)["synsets"]
    assert synsets.dtype.names[:5] == ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    leaves = [(int(row["ILSVRC2012_ID"]), str(row["WNID"])) for row in synsets if row["num_children"] == 0]
    assert sorted(number for number, _ in leaves) == list(range(1, 13))
    assert [wnid for _, wnid in sorted(leaves)] != sorted(wnid for _, wnid in leaves)
    assert len(synsets) > len(leaves)
    with tarfile.open(archives / "ILSVRC2012_img_train.tar") as archive:
        assert set(archive.getnames()) == {f"{wnid}.tar" for _, wnid in leaves}
    truth = [int(line) for line in (data / "ILSVRC2012_validation_ground_truth.txt").read_text().split()]
    assert np.bincount(truth).tolist() == [0] + 12 * [SETTINGS.imagenet_val]
    with tarfile.open(archives / "ILSVRC2012_img_val.tar") as archive:
        assert archive.getnames() == [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 25)]
        modes = [Image.open(archive.extractfile(name)).mode for name in archive.getnames()]  # type: ignore[arg-type]
    assert modes.count("CMYK") == 1


def test_torchvision_parses_the_imagenet_archives(archives: Path, tmp_path: Path) -> None:
    """torchvision's parser sorts the validation pictures by ground truth; its md5 checks alone are switched off."""
    from torchvision.datasets import imagenet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagenet, "_verify_archive", lambda root, file, md5: None)
        for name in ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"):
            (tmp_path / name).symlink_to(archives / name)
        for parse in (imagenet.parse_devkit_archive, imagenet.parse_train_archive, imagenet.parse_val_archive):
            parse(str(tmp_path))
    wnid_to_words, val_wnids = imagenet.load_meta_file(str(tmp_path))
    assert wnid_to_words["n02123045"] == ("tabby", "tabby cat")
    assert len(val_wnids) == 24
    for split, each in (("train", SETTINGS.imagenet_train), ("val", SETTINGS.imagenet_val)):
        folders = sorted((tmp_path / split).iterdir())
        assert [folder.name for folder in folders] == sorted(wnid_to_words)
        assert all(len(list(folder.iterdir())) == each for folder in folders)
