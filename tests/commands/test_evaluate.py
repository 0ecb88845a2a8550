"""`exfuse evaluate`: the numbers of the workflow's own evaluation, on three layouts of data."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exfuse.commands.describe import val_scores
from exfuse.data.labels import ClassMap, voc_palette
from exfuse.data.loading import WholeImageSet
from exfuse.data.sets import SET_COLUMNS
from exfuse.evaluation.predictor import Predictor
from exfuse.evaluation.results import summarize_segmentation
from exfuse.evaluation.segmentation import evaluate_segmentation
from exfuse.files import write_csv
from exfuse.spec.weights import Scores
from tests.program import call
from tests.trained import CLASSES, LABELS, write_weights

WEIGHTS = "weights.safetensors"
MERGED = tuple(sorted(set(range(21)) - set(LABELS)))
SIZES = ((64, 50), (40, 64), (64, 64), (90, 150), (30, 30), (64, 64), (64, 64), (20, 64), (64, 64), (64, 63))
"""More than a batch, and one that goes through in tiles."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: weights, and `data/` as the workflow prepares it: images, palette masks, a table."""
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / WEIGHTS, merged=MERGED)
    rng = np.random.default_rng(0)
    rows = []
    for number, (height, width) in enumerate(SIZES):
        name = f"2007_{number:06}"
        image, labels = tmp_path / f"data/voc/images/{name}.jpg", tmp_path / f"data/voc/masks/{name}.png"
        for path in (image, labels):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(image, quality=95)
        values = rng.choice([0, 7, 8, 15, 255], (height // 5 + 1, width // 5 + 1)).astype(np.uint8)
        mask = Image.fromarray(values.repeat(5, 0).repeat(5, 1)[:height, :width])
        mask.putpalette(voc_palette())
        mask.save(labels)
        paths = {"image": f"voc/images/{name}.jpg", "mask": f"voc/masks/{name}.png"}
        size = {"width": str(width), "height": str(height)}
        rows.append({"id": name, "source": "voc", "classes": "", **paths, **size})
    write_csv(tmp_path / "data/sets/val.csv", SET_COLUMNS, rows)
    return tmp_path


def numbers(file: str = "out.json") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(file).read_text())
    return found


@pytest.mark.parametrize("flip", [False, True])
def test_the_workflows_own_evaluation_says_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flip: bool
) -> None:
    images = WholeImageSet(folder / "data/sets/val.csv", folder / "data", ClassMap(CLASSES[1:]))
    predictor = Predictor.open(WEIGHTS)
    (result,) = evaluate_segmentation(
        predictor.network, images, len(CLASSES), predictor.settings, boundary_width=7 * 64 / 512, flips=(flip,),
    )  # fmt: skip
    expected = summarize_segmentation(result, CLASSES)
    assert 0 < expected["miou"] < 1
    words = ["evaluate", WEIGHTS, "data/sets/val.csv", "--json", "out.json"]
    assert call(monkeypatch, *words, *(["--flip"] if flip else [])) == 0
    found = numbers()
    assert {name: found[name] for name in expected} == expected
    assert (found["title"], found["key"], found["boundary_width"]) == ("small ExFuse", "0123abcd", 0.875)
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith("small ExFuse on 10 images of data/sets/val.csv")
    assert ("averaged with the mirrored images" in said) is flip
    for name in ("mIoU", "  car", "  cat", "  background", "mIoU at boundaries", "mIoU elsewhere"):
        assert f"\n{name} " in said
    assert f"{expected['miou']:7.2%}" in said
    assert "labels that count as background, as in training: 1, 2, 3" in said


@pytest.mark.parametrize(
    ("scores", "option", "width"),
    [
        ({"boundary_width": 3.0}, (), 3.0),
        ({"boundary_width": 3.0}, ("--boundary-width", "2"), 2.0),
        ({}, (), 0.875),
        (None, (), 0.875),
    ],
)
def test_boundaries_are_as_wide_as_the_preset_that_trained_has_them(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    scores: dict[str, float] | None,
    option: tuple[str, ...],
    width: float,
) -> None:
    given = None if scores is None else Scores(on="val", images=1, miou=0.5, miou_flip=0.5, iou={}, **scores)
    write_weights(folder / WEIGHTS, merged=MERGED, scores=given)
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--json", "out.json", *option) == 0
    assert numbers()["boundary_width"] == width
    words = ("--json", "same.json", "--boundary-width", str(width))
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", *words) == 0
    assert numbers() == numbers("same.json")


def test_the_width_goes_from_the_preset_into_the_file() -> None:
    graph: Any = SimpleNamespace(
        spec=SimpleNamespace(val_name="val", preset=SimpleNamespace(evaluation=SimpleNamespace(boundary_width=5.0)))
    )
    assert val_scores(graph, {"images": 2, "miou": 0.5, "iou": {}}, {"miou": 0.25}).boundary_width == 5.0


@pytest.mark.parametrize("width", ["0", "-1", "nan", "inf"])
def test_a_width_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: str) -> None:
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--boundary-width", width) == 1
    assert f"--boundary-width {width}: no width. Give pixels" in capsys.readouterr().err


def test_other_layouts_of_the_same_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/sets/val.csv", "--json", "table.json") == 0
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--json", "folders.json") == 0
    root = folder / "VOCdevkit/VOC2012"
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (folder / "data/voc/images").rename(root / "JPEGImages")
    (folder / "data/voc/masks").rename(root / "SegmentationClass")
    names = "".join(f"{path.stem}\n" for path in sorted((root / "JPEGImages").iterdir()))
    (root / "ImageSets/Segmentation/trainval.txt").write_text(names)
    assert call(monkeypatch, "evaluate", WEIGHTS, "VOCdevkit", "--set", "trainval", "--json", "voc.json") == 0
    about = ("data", "set")
    found = [
        {k: v for k, v in numbers(f"{name}.json").items() if k not in about} for name in ("table", "folders", "voc")
    ]
    assert found[0] == found[1] == found[2]


def test_labels_that_the_network_does_not_know_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_weights(folder / WEIGHTS)  # now trained on three classes of three
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--json", "out.json") == 1
    said = capsys.readouterr()
    assert "data/voc/masks/2007_000000.png: the mask has the value 15" in said.err
    assert said.out == ""
    assert not Path("out.json").exists()


def test_a_file_of_numbers_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.json").write_text("mine")
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--json", "out.json") == 1
    assert "out.json exists" in capsys.readouterr().err
    assert Path("out.json").read_text() == "mine"
    assert call(monkeypatch, "evaluate", WEIGHTS, "data/voc", "--json", "out.json", "--overwrite") == 0
    assert numbers()["images"] == len(SIZES)


def test_no_data(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "evaluate", WEIGHTS, "nowhere") == 1
    assert "nowhere is missing. Give `images/`" in capsys.readouterr().err
