"""Probes on features that carry everything, nothing or noise; what they may see; the job and its file."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from exfuse.commands import probe as command
from exfuse.data.labels import ClassMap, voc_palette
from exfuse.data.loading import WholeImageSet
from exfuse.data.sets import SET_COLUMNS
from exfuse.evaluation.inference import InferenceSettings
from exfuse.files import write_csv
from exfuse.inspection.probes import Findings, hits_at_budget, mean_accuracy, probe_features
from exfuse.inspection.targets import boundary_blocks
from exfuse.models import build
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph
from tests.params import copy_params

CLASSES = ("bicycle", "car")
SETTINGS = InferenceSettings(size=64, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), batch_size=3)
STRIDES = {1: 4, 2: 8, 4: 32}


def write_set(root: Path, name: str, images: int, labels: tuple[int, ...] = (2, 7)) -> Path:
    """A set of images below ``root`` whose red channel is the label, in rectangles of whole 4×4 blocks."""
    rng = np.random.default_rng(len(name))
    rows = []
    for number in range(images):
        height, width = (64, 56) if number % 2 else (48, 64)
        mask = np.zeros((height, width), np.uint8)
        for label in labels:
            top, left = 4 * rng.integers(0, height // 4 - 5), 4 * rng.integers(0, width // 4 - 5)
            mask[top : top + 4 * rng.integers(3, 6), left : left + 20] = label
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture[..., 0] = mask
        stem = f"{name}{number}"
        Image.fromarray(picture).save(root / f"{stem}.jpg", "PNG")
        palette = Image.fromarray(mask)
        palette.putpalette(voc_palette())
        palette.save(root / f"{stem}.png")
        row = {"id": stem, "source": "voc", "image": f"{stem}.jpg", "mask": f"{stem}.png", "classes": ""}
        rows.append(row | {"width": width, "height": height})
    table = root / "sets" / f"{name}.csv"
    write_csv(table, SET_COLUMNS, rows)
    return table


class Reader(nn.Module):
    """A network whose features at some levels are functions of its images, in the places of a segmenter's."""

    def __init__(self, features: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.make = features
        self.decoder = nn.Module()
        self.decoder.refine_level = nn.ModuleDict({str(level): nn.Identity() for level in STRIDES})
        self.decoder.refine_fused = nn.ModuleDict({str(stride): nn.Identity() for stride in (16, 8, 4, 2, 1)})

    def forward(self, images: Tensor) -> SimpleNamespace:
        for level, stride in STRIDES.items():
            self.decoder.refine_level[str(level)](self.make(images, stride))
        return SimpleNamespace(scores=images)


def everything(images: Tensor, stride: int) -> Tensor:
    """The label of every block, and whether it differs from a neighbour's: what is asked, as channels of each cell."""
    labels = (images[:, :1] * 255).round()[:, :, ::4, ::4]
    same = F.pad(labels, (1, 1, 1, 1), mode="replicate")
    beside = [same[:, :, 1:-1, 2:], same[:, :, 1:-1, :-2], same[:, :, 2:, 1:-1], same[:, :, :-2, 1:-1]]
    differs = torch.stack([other != labels for other in beside]).any(0).float()
    maps = torch.cat([*((labels == label).float() for label in (0, 2, 7)), differs], dim=1)
    return F.pixel_unshuffle(maps, stride // 4)


def labels_alone(images: Tensor, stride: int) -> Tensor:
    """The label of every block, of what the image shows."""
    return everything(images, stride)[:, : 3 * (stride // 4) ** 2]


def nothing(images: Tensor, stride: int) -> Tensor:
    return torch.full((len(images), 2, *(side // stride for side in images.shape[2:])), 0.3)


def noise(images: Tensor, stride: int) -> Tensor:
    generator = torch.Generator().manual_seed(int(images.sum()))
    return torch.randn((len(images), 2, *(side // stride for side in images.shape[2:])), generator=generator)


def ramp(images: Tensor, stride: int) -> Tensor:
    """Columns of the centres of cells."""
    rows, columns = (side // stride for side in images.shape[2:])
    return ((torch.arange(columns) + 0.5) * stride).expand(len(images), 1, rows, columns)


def redraw(root: Path, stem: str, mask: NDArray[np.uint8], red: NDArray[np.uint8]) -> None:
    """Another mask, and another red channel, for an image of :func:`write_set`."""
    palette = Image.fromarray(mask)
    palette.putpalette(voc_palette())
    palette.save(root / f"{stem}.png")
    Image.fromarray(np.stack([red] * 3, axis=2)).save(root / f"{stem}.jpg", "PNG")


def found_by(
    root: Path,
    features: Callable[[Tensor, int], Tensor],
    fitting: Path,
    scoring: Path,
    settings: InferenceSettings = SETTINGS,
) -> Findings:
    """What probes find in a reader."""
    class_map = ClassMap(CLASSES)
    sets = [WholeImageSet(table, root, class_map) for table in (fitting, scoring)]
    model: Any = Reader(features)
    return probe_features(model, sets[0], 100, sets[1], 3, settings, lambda samples, total, what: samples)


def probed(*args: Any, **options: Any) -> dict[int, dict[str, Any]]:
    """The lines of :func:`found_by` by level."""
    return {line["level"]: line for line in found_by(*args, **options).lines if line["kind"] == "added"}


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    return write_set(tmp_path, "trainaug", 24), write_set(tmp_path, "val", 11)


def test_features_that_hold_the_answer_are_read_without_error(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    found = probed(tmp_path, everything, *tables)
    assert found[1]["semantics"] == {"value": 1.0, "low": 1.0, "high": 1.0, "chance": pytest.approx(1 / 3)}
    assert (
        found[1]["detail"]["value"] == found[2]["detail"]["value"] == 1.0
    )  # each of a cell's four blocks in its place
    assert [(line["channels"], line["stride"]) for line in found.values()] == [(4, 4), (4 * 4, 8), (4 * 64, 32)]
    assert [line["narrow"]["channels"] for line in found.values()] == [3, 3, 3]  # no more than classes


def test_narrowed_probes_of_few_channels_are_the_others(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    for line in probed(tmp_path, noise, *tables).values():
        assert line["narrow"] == {name: line[name] for name in ("channels", "semantics", "detail")}


def test_blocks_of_each_class_are_counted(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    found = found_by(tmp_path, nothing, *tables).classes
    for name, images, where in (("trainaug", 24, "fitted"), ("val", 11, "scored")):
        labels = [np.asarray(Image.open(tmp_path / f"{name}{number}.png"))[::4, ::4] for number in range(images)]
        assert [entry[where] for entry in found] == [
            sum(int((one == label).sum()) for one in labels) for label in (0, 2, 7)
        ]
    assert [entry["images"] for entry in found] == [sum(label in one for one in labels) for label in (0, 2, 7)]


def test_every_level_answers_for_the_same_blocks(tmp_path: Path) -> None:
    """Features are columns, classes left and right of 24, void from 48: what a level tells depends on interpolation.

    From cells of 32 pixels the blocks have 16 ×4, 18, 22 on the left and 26, 30 … 46 on the right. The limit lies
    between the means, 17⅓ and 36, at 26⅔: of the right class the first of six columns is named wrongly.
    """
    tables = write_set(tmp_path, "trainaug", 1), write_set(tmp_path, "val", 1)
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 24:48], mask[:, 48:] = 2, 255
    for name in ("trainaug0", "val0"):
        redraw(tmp_path, name, mask, mask)
    found = probed(tmp_path, ramp, *tables)
    assert [line["semantics"]["value"] for line in found.values()] == pytest.approx([1, 1, (1 + 5 / 6) / 2])


@pytest.mark.parametrize(("blocks", "value"), [(29, 1.0), (30, 2 / 3)])
def test_a_class_of_few_blocks_is_left_out(tmp_path: Path, blocks: int, value: float) -> None:
    """Bicycles that nothing in the image shows are all named wrongly."""
    tables = write_set(tmp_path, "trainaug", 24), write_set(tmp_path, "val", 1, (7,))
    grid = np.zeros((12, 16), np.uint8)
    grid[8:, :8] = 7
    red = grid.copy()
    grid.flat[:blocks] = 2
    redraw(tmp_path, "val0", *(np.kron(one, np.ones((4, 4), np.uint8)) for one in (grid, red)))
    line = probed(tmp_path, labels_alone, *tables)[1]
    assert line["semantics"]["value"] == pytest.approx(value)
    assert line["semantics"]["chance"] == pytest.approx(1 / 3)


def test_constant_features_reach_chance(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    found = probed(tmp_path, nothing, *tables)
    boundary, blocks = by_image(tmp_path, "val", 11)
    chance = (boundary**2 / blocks).sum() / boundary.sum()
    for line in found.values():
        assert line["detail"]["chance"] == pytest.approx(chance)
        assert line["semantics"]["value"] == line["semantics"]["chance"] == pytest.approx(1 / 3)
    assert found[1]["detail"]["value"] == pytest.approx(chance)


def test_chance_is_of_the_classes_that_can_be_named_and_are_asked(tmp_path: Path) -> None:
    """Val shows background and bicycle, the probe knows background and car: half of val's classes, at one in two."""
    fitting, scoring = write_set(tmp_path, "trainaug", 24, (7,)), write_set(tmp_path, "val", 11, (2,))
    line = probed(tmp_path, nothing, fitting, scoring)[1]
    assert line["semantics"]["chance"] == pytest.approx(1 / 4)
    line = probed(tmp_path, everything, write_set(tmp_path, "both", 24), scoring)[1]
    assert line["semantics"]["chance"] == pytest.approx(1 / 3)  # car can be named, and is never right


def test_an_image_of_several_windows_has_one_budget(tmp_path: Path) -> None:
    """Constant features mark at random over the whole image, not window by window, which would tell where to mark."""
    fitting = write_set(tmp_path, "trainaug", 24)
    table = write_set(tmp_path, "val", 1, (2,))
    mask = np.zeros((48, 64), np.uint8)
    for rows, columns in ((slice(4, 8), slice(4, 8)), (slice(8, 24), slice(40, 56)), (slice(36, 44), slice(4, 24))):
        mask[rows, columns] = 2
    mask[36:40, 44:56] = 2
    redraw(tmp_path, "val0", mask, mask)
    windows = dataclasses.replace(SETTINGS, size=32)
    line = probed(tmp_path, nothing, fitting, table, settings=windows)[1]
    pieces = [mask[top : top + 32, left : left + 32] for top in (0, 32) for left in (0, 32)]
    maps = [boundary_blocks(piece)[0] for piece in pieces]
    assert all(found.any() for found in maps)
    boundary, blocks = sum(int(found.sum()) for found in maps), sum(found.size for found in maps)
    assert line["detail"]["chance"] == line["detail"]["value"] == pytest.approx(boundary / blocks)
    assert boundary / blocks < 0.9 * sum(int(found.sum()) ** 2 / found.size for found in maps) / boundary


def test_noise_is_not_taken_for_detail(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    line = probed(tmp_path, noise, *tables)[1]
    assert line["detail"]["value"] == pytest.approx(line["detail"]["chance"], abs=0.06)
    assert line["semantics"]["value"] == pytest.approx(1 / 3, abs=0.1)
    assert line["detail"]["low"] < line["detail"]["value"] < line["detail"]["high"]


def test_nothing_is_learnt_from_the_images_that_are_scored(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    for number in range(11):  # what the masks of val call bicycle becomes car, and the other way round
        path = tmp_path / f"val{number}.png"
        mask = Image.open(path)
        swapped = Image.fromarray(np.array([0, 0, 7, 0, 0, 0, 0, 2], np.uint8)[np.asarray(mask)])
        swapped.putpalette(voc_palette())
        swapped.save(path)
    assert probed(tmp_path, everything, *tables)[1]["semantics"]["value"] == pytest.approx(1 / 3)


def test_images_to_fit_on_are_spread_over_the_set(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    read: list[int] = []

    class Recorder(WholeImageSet):
        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            read.append(index)
            return super().__getitem__(index)

    class_map = ClassMap(CLASSES)
    model: Any = Reader(everything)
    fitting, scoring = Recorder(tables[0], tmp_path, class_map), WholeImageSet(tables[1], tmp_path, class_map)
    probe_features(model, fitting, 5, scoring, 3, SETTINGS, lambda samples, total, what: samples)
    assert read == [0, 4, 9, 14, 19]


def test_without_classes_or_boundaries_there_is_no_number(tmp_path: Path, tables: tuple[Path, Path]) -> None:
    line = probed(tmp_path, everything, tables[0], write_set(tmp_path, "plain", 2, ()))[1]
    assert line["detail"] == {"value": None, "low": None, "high": None, "chance": None}
    assert line["semantics"]["value"] == 1.0  # of the one class that is there


def test_hits_by_hand() -> None:
    truth = np.array([True, False, True, False, False])
    assert hits_at_budget(np.array([5.0, 1, 4, 3, 2]), truth) == 2
    assert hits_at_budget(np.array([5.0, 1, 2, 3, 4]), truth) == 1
    assert hits_at_budget(np.array([5.0, 3, 3, 3, 0]), truth) == pytest.approx(1 + 1 / 3)  # one of three, at random
    assert hits_at_budget(np.zeros(5), truth) == pytest.approx(2 * 2 / 5)
    assert hits_at_budget(np.ones(3), np.zeros(3, bool)) == 0


def test_accuracy_by_hand() -> None:
    confusion = np.array([[90, 10, 0], [5, 5, 0], [0, 0, 0]])  # the third class has no ground truth
    every = np.ones(3, bool)
    assert mean_accuracy(confusion, every) == pytest.approx((0.9 + 0.5) / 2)
    assert mean_accuracy(confusion, np.array([False, True, True])) == pytest.approx(0.5)
    assert np.isnan(mean_accuracy(confusion, np.array([False, False, True])))
    assert np.isnan(mean_accuracy(np.zeros((3, 3), int), every))
    assert mean_accuracy(np.stack([confusion, confusion.T]), every).shape == (2,)


def by_image(root: Path, name: str, images: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boundary blocks and blocks of each image of a set without void."""
    maps = [boundary_blocks(np.asarray(Image.open(root / f"{name}{number}.png")))[0] for number in range(images)]
    return np.array([float(found.sum()) for found in maps]), np.array([float(found.size) for found in maps])


@pytest.fixture
def graph(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Graph]:
    """Makes the graph of a preset whose sets lie there and whose models have random weights."""

    def untrained(of: Graph, run: str, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return build(of.spec.model(run))

    monkeypatch.setattr(command, "load_model", untrained)
    params = copy_params(repo_root, tmp_path)

    def make(workers: int = 0) -> Graph:
        params.put("presets/mini.yaml", "hardware.workers", workers)
        made = params.graph("mini")
        params.finish(made)
        for name, images in (("trainaug", 9), ("val", 5)):
            made.layout.data.mkdir(parents=True, exist_ok=True)
            write_set(made.layout.data, name, images)
        made.layout.probes.unlink()
        return made

    return make


def test_the_job_writes_the_same_file_however_images_are_loaded(graph: Callable[..., Graph]) -> None:
    found = []
    for workers in (0, 1):
        made = graph(workers)
        command.run(made)
        found.append(made.layout.probes.read_bytes())
        assert has_expected_key(made.jobs["models/probes"])
    assert found[0] == found[1]
    content = json.loads(found[0])
    assert content["key"] == made.jobs["models/probes"].key
    assert (content["fitted_on"], content["scored_on"], content["seed"]) == (9, 5, 0)
    assert {line["run"] for line in content["probes"]} == {"gcn-resnext101", "exfuse"}
    assert len(content["probes"]) == 2 * 13
    widths = {line["run"]: line["channels"] for line in content["probes"] if line["kind"] == "fused"}
    assert widths == {"gcn-resnext101": 5, "exfuse": 45}
    assert {line["narrow"]["channels"] for line in content["probes"]} == {5}
    assert [entry["name"] for entry in content["classes"]] == list(made.spec.classes)


def test_a_run_that_fails_leaves_nothing(graph: Callable[..., Graph]) -> None:
    made = graph()
    (made.layout.data / "val3.png").unlink()
    with pytest.raises(Exception, match=r"val3\.png"):
        command.run(made)
    assert not made.layout.probes.exists()
