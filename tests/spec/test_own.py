"""A user's own data as declared: layouts, lists, identity, and every mistake a person makes first."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from exfuse.errors import UserError
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.own import OwnData
from exfuse.spec.own_files import identity, list_images
from exfuse.spec.raw import Digests
from tests.data.own_data import CLASSES, OwnFolder, folder_entry, write_own_folder
from tests.params import Params


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> OwnFolder:
    return write_own_folder(tmp_path_factory.mktemp("own") / "streets", train=2, val=1)


@pytest.fixture
def folder(written: OwnFolder, tmp_path: Path) -> Path:
    shutil.copytree(written.root, tmp_path / "streets")
    return tmp_path / "streets"


def declared(**changes: Any) -> OwnData:
    return OwnData.model_validate({**folder_entry()["own"], **changes})


def declare(params: Params, root: Path, **preset: Any) -> None:
    params.put("datasets.yaml", "folders.streets", folder_entry())
    for key, value in {"data": "streets", "data_root": str(root), "classes": None, **preset}.items():
        params.put("presets/smoke.yaml", key, value)


# --- layouts and lists ---


def test_folders_are_searched_by_id_whatever_the_suffix(folder: Path) -> None:
    found = list_images(declared(), folder)
    assert [(image.id, image.split) for image in found] == [
        ("train_000", "train"), ("train_001", "train"), ("val_000", "val"),
    ]  # fmt: skip
    assert [image.image.name for image in found] == ["train_000.png", "train_001.jpg", "val_000.jpg"]
    assert all(image.mask == folder / "masks" / f"{image.id}.png" for image in found)


def test_vocs_layout_needs_no_words(folder: Path) -> None:
    (folder / "images").rename(folder / "JPEGImages")
    (folder / "masks").rename(folder / "SegmentationClass")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split in ("train", "val"):
        (folder / f"{split}.txt").rename(lists / f"{split}.txt")
    found = list_images(OwnData(classes=CLASSES), folder)
    assert [image.image.parent.name for image in found] == ["JPEGImages"] * 3


def test_patterns_pairs_suffixes_and_folders_in_ids(folder: Path) -> None:
    (folder / "images" / "town").mkdir()
    shutil.move(folder / "images" / "train_001.jpg", folder / "images" / "town" / "b_left.jpg")
    (folder / "masks" / "town").mkdir()
    shutil.move(folder / "masks" / "train_001.png", folder / "masks" / "town" / "b_labels.png")
    (folder / "train.txt").write_text("\ufefftown/b\r\n\r\n", encoding="utf-8")
    own = declared(images="images/{id}_left.jpg", masks="masks/{id}_labels.png")
    (folder / "val.txt").write_text("/images/val_000.jpg  masks/val_000.png\n")
    town, pair = list_images(own, folder)
    assert (town.id, town.image) == ("town__b", folder / "images/town/b_left.jpg")
    assert (pair.id, pair.image, pair.mask) == (
        "images__val_000", folder / "images/val_000.jpg", folder / "masks/val_000.png",
    )  # fmt: skip
    (folder / "train.txt").write_text("train_000.png\n")
    (folder / "val.txt").write_text("val_000\n")
    assert list_images(declared(), folder)[0].image == folder / "images" / "train_000.png"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: shutil.rmtree(f), ["streets is no folder", "data_root"]),
        (lambda f: shutil.rmtree(f / "masks"), ["masks is no folder", "masks/{id}.png"]),
        (lambda f: (f / "val.txt").unlink(), ["cannot read the list", "val.txt", "own.lists"]),
        (lambda f: (f / "val.txt").write_bytes(b"\xff\xfe\x00"), ["val.txt", "not UTF-8"]),
        (lambda f: (f / "train.txt").write_text("\n\n"), ["train.txt names no image"]),
        (lambda f: (f / "train.txt").write_text("a b c\n"), ["images/a b c", "not there"]),
        (
            lambda f: (f / "val.txt").write_text("images/train_001.jpg masks/train_001.png\n"),
            ["val.txt, line 1", "the same image as train_001 in the list of `train`"],
        ),
        (lambda f: (f / "train.txt").write_text("train_000\n\ntrain_000\n"), ["train.txt, line 3", "list of `train`"]),
        (lambda f: (f / "val.txt").write_text("train_001\n"), ["val.txt, line 1", "list of `train` already"]),
        (lambda f: (f / "images" / "val_000.jpg").unlink(), ["images/val_000", "not there"]),
        (lambda f: (f / "train.txt").write_text("a\nb\nc\n"), ["images/a", "masks/a", "and 3 more"]),
        (lambda f: (f / "train.txt").write_text("a/b\na__b\n"), ["line 2", "a__b and a/b would both be prepared as"]),
        (lambda f: shutil.copy(f / "images/val_000.jpg", f / "images/val_000.png"), ["val_000.jpg", "have one id"]),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, change: Any, words: list[str]) -> None:
    change(folder)
    with pytest.raises(UserError) as caught:
        list_images(declared(), folder)
    for word in words:
        assert word in str(caught.value)


# --- the entry ---


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("own.classes", ["road"], ["own.classes", "at least 2"]),
        ("own.classes", ["road", "sky", "road"], ["class 'road' stands twice"]),
        ("own.classes", [f"class{number}" for number in range(256)], ["own.classes", "at most 255"]),
        ("own.ignore", [3], ["value 3 is to be ignored and is class 'road' too"]),
        ("own.ignore", [65536], ["own.ignore", "65536"]),
        ("own.first_value", 65530, ["a class would have the value 65541"]),
        ("own.values", [1, 2], ["`values` has 2 entries for 12 classes"]),
        ("own.values", [1] * 12, ["two classes have one value"]),
        ("own.clases", ["a", "b"], ["unknown key", "did you mean 'classes'"]),
        ("archives", {"voc": [{"file": "x.tar"}]}, ["folder 'streets' has `own` data and archives of ['voc']"]),
    ],
)
def test_wrong_entries_are_explained(params: Params, key: str, value: Any, words: list[str]) -> None:
    params.put("datasets.yaml", "folders.streets", folder_entry())
    params.put("datasets.yaml", f"folders.streets.{key}", value)
    with pytest.raises(UserError) as caught:
        params.load("smoke")
    for word in ("datasets.yaml", *words):
        assert word in str(caught.value)


def test_kept_classes_have_to_be_those_of_the_data(params: Params, folder: Path) -> None:
    declare(params, folder, classes=["raod"], backbone_weights="random")
    with pytest.raises(
        UserError, match=r"classes: unknown class 'raod' of data 'streets'; did you mean 'road'\?.* null"
    ):
        params.load("smoke")
    params.put("presets/smoke.yaml", "classes", ["road", "car"])
    assert params.load("smoke").classes == ("sky", "road", "car")


def test_runs_and_weights_have_to_exist(params: Params, folder: Path) -> None:
    declare(params, folder, runs=["exfuze"])
    with pytest.raises(UserError, match=r"runs: unknown run 'exfuze'; did you mean 'exfuse'\?"):
        params.load("smoke")
    params.put("presets/smoke.yaml", "runs", ["exfuse"])
    params.put("presets/smoke.yaml", "backbone_weights", "randon")
    with pytest.raises(
        UserError, match=r"backbone_weights: unknown source of backbones 'randon'; did you mean 'random'"
    ):
        params.load("smoke")
    params.put("presets/smoke.yaml", "backbone_weights", "imagenet")
    with pytest.raises(UserError, match=r"has no 'imagenet'.*`backbone_weights` says where else"):
        params.load("smoke")


# --- the graph ---


def test_the_graph_of_own_data(params: Params, folder: Path) -> None:
    declare(params, folder, runs=["gcn-resnet50", "exfuse"], backbone_weights="random")
    graph = params.graph("smoke")
    assert graph.spec.classes == CLASSES
    assert {name for name in graph.jobs if name.startswith("data/")} == {
        "data/own", *(f"data/sets/{name}" for name in ("train", "trainaug", "trainval", "val")),
    }  # fmt: skip
    trained = {name for name in graph.jobs if name.startswith(("runs/", "backbones/"))}
    assert trained == {
        "backbones/resnet50", "backbones/resnext101-ss-lr",
        "runs/gcn-resnet50/seed0/trainaug", "runs/gcn-resnet50/seed0/trainaug/val",
        "runs/exfuse/seed0/trainaug", "runs/exfuse/seed0/trainaug/val",
    }  # fmt: skip
    assert graph.spec.model("exfuse").num_classes == 12
    assert "not of PASCAL VOC" in graph.spec.caveat
    assert graph.spec.why_no_run("gcn-resnext101-coco") == "not run: none of the preset's runs"


def test_a_subset_says_that_it_is_one(params: Params) -> None:
    assert params.load("smoke", data="subset").caveat.endswith(
        "The images are a declared part of "
        "ImageNet, COCO 2017 (the same images as 2014, split otherwise), SBD and PASCAL VOC 2012."
    )
    assert "declared part" not in params.load("smoke").caveat


def test_without_runs_all_but_those_with_coco_are_made(params: Params, folder: Path) -> None:
    declare(params, folder, backbone_weights="random")
    spec = params.load("smoke")
    reasons = {name: spec.why_no_run(name) for name in spec.runs}
    with_coco = {name for name in spec.runs if any(link.stage == "coco" for link in spec.chain(name))}
    assert {name for name, reason in reasons.items() if reason == "not run: needs COCO"} == with_coco
    assert all(reason is None for name, reason in reasons.items() if name not in with_coco)


def test_backbones_of_another_preset(params: Params, folder: Path) -> None:
    declare(params, folder, backbone_weights="results/paper/backbones")
    with pytest.raises(UserError, match="backbone_weights: results/paper/backbones is no folder"):
        params.load("smoke")
    weights = params.root / "results/paper/backbones/resnet50/weights.safetensors"
    weights.parent.mkdir(parents=True)
    assert params.load("smoke").why_no_run("gcn-resnet50") == f"not run: no weights at {weights}"
    params.put("presets/smoke.yaml", "runs", ["gcn-resnet50"])
    with pytest.raises(UserError, match=r"runs: run 'gcn-resnet50' cannot be made: no weights at .*resnet50/weights"):
        params.load("smoke")
    weights.write_bytes(b"one")
    before = params.keys("smoke")
    weights.write_bytes(b"another")
    after = params.keys("smoke")
    assert {name for name in after if after[name] != before[name]} >= {
        "backbones/resnet50", "runs/gcn-resnet50/seed0/trainaug", "runs/gcn-resnet50/seed0/trainaug/val",
    }  # fmt: skip
    assert after["data/own"] == before["data/own"]


def test_a_run_that_needs_coco_cannot_be_asked_of_own_data(params: Params, folder: Path) -> None:
    declare(params, folder, runs=["exfuse-resnext131-coco"], backbone_weights="random")
    with pytest.raises(UserError, match="run 'exfuse-resnext131-coco' cannot be made: needs COCO"):
        params.load("smoke")


# --- identity ---


def test_content_decides_the_identity_and_no_clock(folder: Path, tmp_path: Path) -> None:
    digests = Digests(tmp_path / "cache.json")
    before = identity(declared(), folder, digests)
    for path in folder.rglob("*.*"):
        path.touch()
    (folder / "images" / "unlisted.jpg").write_bytes(b"no matter")
    assert identity(declared(), folder, digests) == before
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert identity(declared(), moved, Digests(tmp_path / "other.json")) == before
    (folder / "masks" / "val_000.png").write_bytes(b"changed")
    assert identity(declared(), folder, digests) != before


def test_one_changed_mask_makes_all_that_follows_stale_and_other_presets_not(params: Params, folder: Path) -> None:
    declare(params, folder, runs=["gcn-resnet50"], backbone_weights="random")
    graph = params.graph("smoke")
    params.finish(graph)
    assert not stale_jobs(params.graph("smoke"))
    mini = params.keys("mini")
    (folder / "masks" / "val_000.png").write_bytes(b"changed")
    stale = stale_jobs(params.graph("smoke"))
    followers = {
        "data/own",
        "data/sets/train",
        "data/sets/val",
        "runs/gcn-resnet50/seed0/trainaug/val",
        "claims",
        "report",
    }
    assert followers | {"tables/table1", "tables/table2", "figures/learning-curves"} <= stale
    assert not stale & {"backbones/resnet50", "tables/table3", "tables/table8"}
    assert params.keys("mini") == mini


@pytest.mark.parametrize("lines", ["a b c\n", "train_000\nabsent\n"])
def test_a_damaged_list_is_stale_and_not_the_old_one(params: Params, folder: Path, lines: str) -> None:
    declare(params, folder, runs=["gcn-resnet50"], backbone_weights="random")
    params.finish(params.graph("smoke"))
    (folder / "train.txt").write_text(lines)
    assert "data/own" in stale_jobs(params.graph("smoke"))


def test_ids_with_spaces_and_linked_folders(folder: Path) -> None:
    for place, suffix in (("images", "jpg"), ("masks", "png")):
        (folder / "elsewhere" / place).mkdir(parents=True)
        shutil.move(folder / place / f"val_000.{suffix}", folder / "elsewhere" / place / f"a street.{suffix}")
        (folder / place / "part").symlink_to(folder / "elsewhere" / place)
    (folder / "val.txt").write_text("part/a street\n")
    found = list_images(declared(), folder)[2]
    assert (found.id, found.listed, found.image.name) == ("part__a_street", "part/a street", "a street.jpg")
    (folder / "val.txt").write_text("images/part/a street.jpg\tmasks/part/a street.png\n")
    assert list_images(declared(), folder)[2].mask == folder / "masks/part/a street.png"


def test_ids_in_any_script(folder: Path) -> None:
    for place, suffix in (("images", "jpg"), ("masks", "png")):
        for name in ("東京", "大阪"):
            shutil.copy(folder / place / f"val_000.{suffix}", folder / place / f"{name}.{suffix}")
    (folder / "val.txt").write_text("東京\n大阪\n", encoding="utf-8")
    assert [image.id for image in list_images(declared(), folder)][2:] == ["東京", "大阪"]


def test_data_that_are_gone_keep_the_identity_they_were_prepared_under(params: Params, folder: Path) -> None:
    declare(params, folder, runs=["gcn-resnet50"], backbone_weights="random")
    params.finish(params.graph("smoke"))
    shutil.rmtree(folder)
    assert not stale_jobs(params.graph("smoke"))
