"""Pretraining and fine-tuning as the commands call them, on a handful of made-up images."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from exfuse.data.labels import ClassMap, voc_palette
from exfuse.files import read_csv, write_csv
from exfuse.models import build
from exfuse.spec.load import load
from exfuse.spec.model import (
    BackboneSpec,
    DecoderSpec,
    ModelSpec,
    Prediction,
    SemanticSupervisionSpec,
    Tap,
    Upsampling,
)
from exfuse.spec.preset import Preset
from exfuse.spec.settings import FineTuning, Optimizer, Schedule
from exfuse.training.finetuning import fine_tune
from exfuse.training.pretraining import pretrain

CPU = torch.device("cpu")
CLASSES = ("car", "cat")
IMAGES = 6
BACKBONE = BackboneSpec(
    blocks=(1, 1, 1, 1), channels=(4, 4, 4, 4), stem_width=8, cardinality=2, base_width=32,
    semantic_supervision=SemanticSupervisionSpec(levels=(1, 2, 3), width_ratio=0.5, loss_weight=0.3),
)  # fmt: skip
EXFUSE = ModelSpec(
    backbone=BACKBONE,
    decoder=DecoderSpec(
        gcn_kernel=3, tap=Tap.SS_CONVOLUTION, upsampling=Upsampling.ECRE, semantic_embedding=True,
        prediction=Prediction.DAP,
    ),
    num_classes=3,
)  # fmt: skip
STAGE = FineTuning(
    steps=4, wide_steps=None, batch_size=2, micro_batch=None, crop_size=64, batch_norm="train", gradient_clip=5.0,
    optimizer=Optimizer(name="adamw", learning_rate=2e-3, momentum=0.9, weight_decay=1e-2),
    schedule=Schedule(name="one-cycle", warmup=0.2),
)  # fmt: skip

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def preset(repo_root: Path) -> Preset:
    """`smoke`, whose normalization and hardware count here."""
    return load(repo_root, "smoke").preset


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A set of noise images with two rectangles each, prepared below ``tmp_path``."""
    dice = np.random.default_rng(0)
    rows = []
    for index in range(IMAGES):
        name = f"image{index}"
        Image.fromarray(dice.integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(tmp_path / f"{name}.jpg")
        mask = np.zeros((50, 60), dtype=np.uint8)
        mask[5:25, 10:40], mask[30:, 20:], mask[:2] = 7, 8, 255
        picture = Image.fromarray(mask, mode="P")
        picture.putpalette(voc_palette())
        picture.save(tmp_path / f"{name}.png")
        rows.append(
            {"id": name, "source": "voc", "image": f"{name}.jpg", "mask": f"{name}.png", "width": 60, "height": 50,
             "classes": "7 8"}
        )  # fmt: skip
    write_csv(tmp_path / "set.csv", list(rows[0]), rows)
    return tmp_path / "set.csv"


def _fine_tune(table: Path, preset: Preset, *, seed: int = 0, settings: FineTuning = STAGE) -> tuple[State, State]:
    """The state before and after a stage; the weights are those of seed 0 always."""
    torch.manual_seed(0)
    model = build(EXFUSE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    history = fine_tune(
        "a stage", model, settings, preset.normalization, preset.hardware, table, table.parent, ClassMap(CLASSES), seed,
        CPU,
    )  # fmt: skip
    history.write(table.with_name("history.csv"))
    return before, model.state_dict()


def _equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_one_seed_gives_equal_bits_and_another_does_not(table: Path, preset: Preset) -> None:
    _, first = _fine_tune(table, preset)
    _, second = _fine_tune(table, preset)
    _, other = _fine_tune(table, preset, seed=1)
    assert _equal(first, second)
    assert not _equal(first, other)


def test_loading_processes_change_nothing(table: Path, preset: Preset) -> None:
    workers = preset.model_copy(update={"hardware": preset.hardware.model_copy(update={"workers": 2})})
    assert _equal(_fine_tune(table, preset)[1], _fine_tune(table, workers)[1])


def test_every_weight_of_exfuse_moves(table: Path, preset: Preset) -> None:
    before, after = _fine_tune(table, preset)
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_a_stage_with_frozen_batch_norm_moves_all_but_it(table: Path, preset: Preset) -> None:
    before, after = _fine_tune(table, preset, settings=STAGE.model_copy(update={"batch_norm": "frozen"}))
    still = {name for name in before if torch.equal(before[name], after[name])}
    norms = {name.removesuffix("running_mean") for name in before if name.endswith("running_mean")}
    assert still == {name for name in before if name.rpartition(".")[0] + "." in norms}


def test_frozen_batch_norm_gets_no_gradient_and_normalises_with_its_statistics(table: Path, preset: Preset) -> None:
    """Of the encoder and of the tapped convolutions; an optimizer could move only what has a gradient."""
    model = build(EXFUSE)
    norms = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert {name.split(".")[0] for name in norms} == {"backbone", "semantic_supervision"}
    for norm in norms.values():
        norm.running_mean.fill_(0.25)
        norm.running_var.fill_(4.0)
    seen: list[tuple[Tensor, Tensor]] = []
    norms["backbone.bn1"].register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output.clone())))
    frozen = STAGE.model_copy(update={"batch_norm": "frozen"})
    fine_tune(
        "a stage", model, frozen, preset.normalization, preset.hardware, table, table.parent, ClassMap(CLASSES), 0, CPU
    )
    assert len(seen) == STAGE.steps
    for maps, normalised in seen:
        torch.testing.assert_close(normalised, (maps - 0.25) / (4.0 + 1e-5) ** 0.5)
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    of_norms = {f"{name}.{kind}" for name in norms for kind in ("weight", "bias")}
    assert trained == {name for name, _ in model.named_parameters()} - of_norms


def test_the_curve_holds_each_term(table: Path, preset: Preset) -> None:
    """ExFuse has ECRE's loss at its weight of 0.4; the columns are means of stretches."""
    _fine_tune(table, preset)
    rows = read_csv(table.with_name("history.csv"))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    for row in rows:
        assert float(row["loss"]) == pytest.approx(float(row["main"]) + 0.4 * float(row["auxiliary"]), abs=2e-6)


# --- pretraining ---


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    """An archive of noise images one after the other, and its index."""
    dice = np.random.default_rng(0)
    offsets, lengths, content = [], [], b""
    for _ in range(IMAGES):
        picture = io.BytesIO()
        Image.fromarray(dice.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(picture, "JPEG")
        offsets.append(len(content))
        lengths.append(len(picture.getvalue()))
        content += picture.getvalue()
    (tmp_path / "train.tar").write_bytes(content)
    np.savez(
        tmp_path / "train.npz",
        archive=np.array("train.tar"),
        offset=np.array(offsets, dtype=np.int64),
        length=np.array(lengths, dtype=np.int32),
        label=np.array([0, 1, 2] * (IMAGES // 3), dtype=np.int16),
        name=np.array([f"{index}.JPEG".encode() for index in range(IMAGES)]),
    )
    return tmp_path


def _pretrain(imagenet: Path, preset: Preset) -> State:
    torch.manual_seed(0)
    pretraining = preset.pretraining.model_copy(update={"steps": 4, "batch_size": 4})
    settings = preset.model_copy(update={"pretraining": pretraining})
    model, history = pretrain("a backbone", BACKBONE, settings, imagenet, imagenet, 3, CPU)
    history.write(imagenet / "history.csv")
    return model.state_dict()


def test_pretraining_gives_equal_bits_and_the_weighted_sum(imagenet: Path, preset: Preset) -> None:
    """The own classifier's loss and 0.3 of each head's."""
    assert _equal(_pretrain(imagenet, preset), _pretrain(imagenet, preset))
    rows = read_csv(imagenet / "history.csv")
    assert len(rows) == 4
    for row in rows:
        heads = sum(float(row[f"level{level}"]) for level in (1, 2, 3))
        assert float(row["loss"]) == pytest.approx(float(row["main"]) + 0.3 * heads, abs=4e-6)


@pytest.mark.slow
def test_a_compiled_stage_goes_nearly_the_same_way(table: Path, preset: Preset) -> None:
    """`torch.compile` joins operations, which rounds elsewhere; weights keep their names."""
    compiled = preset.model_copy(update={"hardware": preset.hardware.model_copy(update={"compile": True})})
    before, eager = _fine_tune(table, preset)
    _, after = _fine_tune(table, compiled)
    assert after.keys() == eager.keys()
    way = sum(float((eager[name] - before[name]).double().norm()) for name in eager)
    apart = sum(float((after[name] - eager[name]).double().norm()) for name in eager)
    assert 0 < apart < 0.05 * way
