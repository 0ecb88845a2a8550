"""Where every number comes from: each hyper-parameter of each preset has a source, each assumption a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from exfuse.spec.base import ASSUMPTION, Hyperparameters
from exfuse.spec.graph.inspection import LEAST_CELLS, PROBED_GRID
from exfuse.spec.load import load
from exfuse.spec.spec import Spec
from tests.params import Params

PRESETS = ("mini", "paper", "smoke", "voc")
DECLARED_BY_DEFAULT_ALONE = {"power", "milestones"}
"""What a schedule of another form never reads may be left out."""


def _hyperparameters(group: BaseModel, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = [(name, getattr(group, name)) for name in type(group).model_fields]
    for name, value in children:
        if isinstance(value, BaseModel):
            yield from _hyperparameters(value, (*at, name))
        elif isinstance(value, dict):
            for key, entry in value.items():
                if isinstance(entry, BaseModel):
                    yield from _hyperparameters(entry, (*at, name, key))
        elif isinstance(group, Hyperparameters) and value is not None:
            yield (*at, name)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_hyperparameter_is_in_the_ledger(repo_root: Path, preset: str) -> None:
    spec = load(repo_root, preset)
    listed = {entry.path for entry in spec.ledger}
    found = {path for path in _hyperparameters(spec.preset) if path[-1] not in DECLARED_BY_DEFAULT_ALONE}
    assert len(found) >= 60
    assert {".".join(path) for path in found} - listed == set()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_ledger_says_what_is_used(repo_root: Path, preset: str) -> None:
    """Inheritance and shared stage settings leave no line with a value that no training sees."""
    spec = load(repo_root, preset)
    for entry in spec.ledger:
        used: Any = spec.preset
        for part in entry.path.split("."):
            used = used[part] if isinstance(used, dict) else getattr(used, part)
        assert used == (tuple(entry.value) if isinstance(entry.value, list) else entry.value), entry.path


@pytest.mark.parametrize("preset", PRESETS)
def test_assumptions_have_reasons(repo_root: Path, preset: str) -> None:
    spec = load(repo_root, preset)
    assumed = [entry for entry in spec.ledger if entry.assumed]
    assert assumed
    assert all(entry.source == ASSUMPTION and entry.why for entry in assumed)
    assert all(entry.source for entry in spec.ledger)


@pytest.mark.parametrize(
    ("path", "value", "source"),
    [
        ("fine_tuning.trainaug.batch_size", 1, "GCN"),
        ("fine_tuning.trainaug.optimizer.name", "sgd", "GCN"),
        ("fine_tuning.trainaug.optimizer.momentum", 0.99, "GCN"),
        ("fine_tuning.trainaug.optimizer.weight_decay", 0.0005, "GCN"),
        ("fine_tuning.coco.crop_size", 512, "GCN"),
        ("decoder.gcn_kernel", 15, "GCN"),
        ("decoder.dap_kernel", 3, "paper"),
        ("fine_tuning.trainval.batch_norm", "frozen", "paper §4"),
        ("pretraining.batch_size", 256, "ResNeXt"),
        ("pretraining.optimizer.learning_rate", 0.1, "ResNeXt"),
        ("pretraining.optimizer.weight_decay", 1e-4, "ResNeXt"),
    ],
)
def test_numbers_that_papers_state(paper: Spec, path: str, value: object, source: str) -> None:
    (entry,) = [entry for entry in paper.ledger if entry.path == path]
    assert entry.value == value
    assert source in entry.source
    assert not entry.assumed


@pytest.mark.parametrize(
    "path",
    [
        "fine_tuning.trainaug.optimizer.learning_rate",
        "fine_tuning.trainaug.schedule.name",
        "fine_tuning.trainaug.steps",
        "fine_tuning.coco.steps",
        "semantic_supervision.loss_weight",
        "semantic_supervision.width_ratio",
        "decoder.auxiliary_weight",
    ],
)
def test_what_neither_paper_gives_is_marked_as_assumed(paper: Spec, path: str) -> None:
    (entry,) = [entry for entry in paper.ledger if entry.path == path]
    assert entry.assumed


@pytest.mark.parametrize(
    "name",
    [
        "ss.heads",
        "ss.own-weight",
        "ss-features.resnext101-tail",
        "seb.start",
        "seb.place",
        "seb.upsampling",
        "seb.inputs",
        "ecre-designs.same-loss",
        "ecre-designs.same-module",
        "dap.groups",
        "decoder.full-size",
        "levels.relu",
        "backbone.cardinality",
        "data.union",
        "data.masks",
        "input.no-other",
        "evaluation.standard",
        "evaluation.single-scale",
        "flip.scores",
        "flip.order",
        "test-server.twice",
        "fine-tuning.decayed",
        "fine-tuning.precision",
        "figure1.probe",
        "figure1.shrinkage",
        "wide-decoder.more-channels",
        "lr.widths",
        "level-subsets.omitted",
        "test-server.resnet101",
        "figure7.baseline",
    ],
)
def test_what_the_papers_leave_open_in_structure_is_marked_as_assumed(paper: Spec, name: str) -> None:
    reading = paper.fidelity.readings()[name]
    assert reading.assumed
    assert reading.why
    assert reading.alternative


def test_what_the_paper_states_is_no_assumption(paper: Spec) -> None:
    readings = paper.fidelity.readings()
    stated = ("ss-features.place", "seb.product", "dap.equation", "lr.blocks", "ecre-designs.designs", "flip.average")
    assert [readings[name].assumed for name in stated] == [False] * len(stated)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("seb.product", ("GCN", "bilinear", "conv", "decoder")),
        ("ecre-designs.designs", ("same", "weight")),
        ("data.trainaug", ("mask", "∪")),
        ("flip.average", ("softmax", "pad")),
        ("evaluation.mean", ("never hit", "one")),
        ("dap.equation", ("group-major", "run")),
        ("levels.levels", ("ReLU",)),
        ("input.augmentation", ("½", "nothing else")),
    ],
)
def test_what_is_ours_does_not_stand_as_the_papers(paper: Spec, name: str, words: tuple[str, ...]) -> None:
    """The papers' text has none of these words at that place; they are readings of their own, which are assumed."""
    reading = paper.fidelity.readings()[name]
    assert not reading.assumed
    assert [word for word in words if word in reading.value] == []


def test_weight_decay_leaves_of_sebs_bias_what_its_reading_says(paper: Spec) -> None:
    """SGD written out for a weight without a gradient: velocity and weight fall with the decay alone."""
    left = {}
    for stage in ("trainaug", "coco"):
        settings = getattr(paper.preset.fine_tuning, stage)
        optimizer, power = settings.optimizer, settings.schedule.power
        weight, velocity = 1.0, 0.0
        for step in range(settings.steps):
            velocity = optimizer.momentum * velocity + optimizer.weight_decay * weight
            weight -= optimizer.learning_rate * (1 - step / settings.steps) ** power * velocity
        left[stage] = weight
    value = paper.fidelity.readings()["fine-tuning.decayed"].value
    assert f"leave {left['trainaug']:.2f} of it after stage trainaug and {left['coco']:.3f} after stage coco" in value


def test_precision_is_that_of_the_preset(paper: Spec) -> None:
    assert paper.preset.hardware.precision in paper.fidelity.readings()["fine-tuning.precision"].value


def test_figure_1_leaves_out_the_classes_that_its_reading_leaves_out(paper: Spec) -> None:
    readings = paper.fidelity.readings()
    assert f"at least {LEAST_CELLS} blocks" in readings["figure1.semantics"].value
    assert f"{PROBED_GRID}×{PROBED_GRID} pixels" in readings["figure1.grid"].value


def test_a_caveat_is_not_inherited(params: Params) -> None:
    """It is about the numbers of one preset; every small preset writes its own."""
    assert params.load("mini").preset.caveat != params.load("smoke").preset.caveat != ""
    tree = params.file("presets/smoke.yaml").read_text()
    kept = [line for line in tree.splitlines() if not line.startswith("caveat:")]
    params.file("presets/smoke.yaml").write_text("\n".join(kept))
    assert params.load("smoke").preset.caveat == ""


def test_pretraining_lasts_the_recipes_90_epochs(paper: Spec) -> None:
    pretraining = paper.preset.pretraining
    assert pretraining.steps == pytest.approx(90 * 1_281_167 / 256, rel=1e-3)
    assert pretraining.schedule.milestones == pytest.approx((30 / 90, 60 / 90), abs=1e-4)
