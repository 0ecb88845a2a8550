"""Backbones and networks: what the paper's text and the cited papers state, and what the presets make of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from exfuse.data.labels import VOC_CLASSES
from exfuse.errors import UserError
from exfuse.spec.load import load, preset_names
from exfuse.spec.model import DecoderSpec, Prediction, Tap, Upsampling
from exfuse.spec.spec import Link, Spec
from tests.params import Params

PRESETS = ("mini", "paper", "smoke", "voc")

PAPER_BACKBONES = {  # blocks, cardinality, base width, squeeze-and-excitation, semantic supervision
    "resnet50": ((3, 4, 6, 3), 1, 64, False, False),
    "resnet50-ss": ((3, 4, 6, 3), 1, 64, False, True),
    "resnet101": ((3, 4, 23, 3), 1, 64, False, False),
    "resnet101-ss": ((3, 4, 23, 3), 1, 64, False, True),
    "resnext101": ((3, 4, 23, 3), 32, 4, False, False),
    "resnext101-ss": ((3, 4, 23, 3), 32, 4, False, True),
    "resnext101-ss-lr": ((8, 8, 9, 8), 32, 4, False, True),
    "resnext131-ss": ((8, 8, 19, 8), 32, 4, True, True),
}
PLAIN = {"resnet50", "resnet101", "resnext101"}


def test_presets_are_those_of_the_design(repo_root: Path) -> None:
    assert preset_names(repo_root) == list(PRESETS)
    assert load(repo_root).preset.name == "mini"


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_declares_every_model(repo_root: Path, preset: str) -> None:
    spec = load(repo_root, preset)
    assert set(spec.backbones) == set(PAPER_BACKBONES)
    for run in spec.runs:
        assert spec.model(run).num_classes == len(spec.classes)
        assert spec.model(run).backbone == spec.backbone(spec.backbone_name(run))


@pytest.mark.parametrize("name", PAPER_BACKBONES)
def test_backbones_at_the_papers_size(paper: Spec, name: str) -> None:
    blocks, cardinality, base_width, squeeze_excitation, supervised = PAPER_BACKBONES[name]
    backbone = paper.backbone(name)
    assert backbone.blocks == blocks
    assert (backbone.cardinality, backbone.base_width) == (cardinality, base_width)
    assert backbone.squeeze_excitation is squeeze_excitation
    assert (backbone.semantic_supervision is not None) is supervised
    assert backbone.out_channels == (256, 512, 1024, 2048)
    assert backbone.stem_width == 64


def test_rearrangement_moves_blocks_and_adds_none(paper: Spec) -> None:
    """§3.1: the same cost. An identity block costs the same in every stage, so the number of blocks decides."""
    plain, rearranged = paper.backbone("resnext101-ss"), paper.backbone("resnext101-ss-lr")
    assert sum(plain.blocks) == sum(rearranged.blocks) == 33
    assert rearranged.model_copy(update={"blocks": plain.blocks}) == plain


def test_public_weights_exist_for_the_plain_backbones_alone(paper: Spec) -> None:
    assert {name for name, declared in paper.backbones.items() if declared.public_weights} == PLAIN


@pytest.mark.parametrize("key", ["public_weights", "public_normalization"])
def test_public_weights_say_what_they_were_trained_with(params: Params, key: str) -> None:
    params.put("backbones.yaml", f"resnet50.{key}", None)
    with pytest.raises(UserError, match=r"backbones\.yaml: resnet50: `public_weights` and .* belong together"):
        params.load()


def test_normalization_is_that_of_the_weights(params: Params) -> None:
    """Of public ones what stands beside them, whatever the preset says for backbones that are trained here."""
    declared = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    params.put("backbones.yaml", "resnet101.public_normalization", declared)
    public, trained = params.load("voc"), params.load("paper")
    assert public.normalization("resnet101").model_dump() == {name: tuple(value) for name, value in declared.items()}
    assert public.normalization("resnet50").mean == (0.485, 0.456, 0.406)
    assert trained.normalization("resnet101") == trained.preset.normalization == public.preset.normalization


@pytest.mark.parametrize(("preset", "plain", "wide"), [("paper", 21, 189), ("mini", 5, 45), ("smoke", 5, 45)])
def test_widths(repo_root: Path, preset: str, plain: int, wide: int) -> None:
    """§3.2: 189 channels, 21 classes times 3×3; four classes and background at the small presets."""
    spec = load(repo_root, preset)
    assert spec.model("gcn-resnext101").width == plain
    assert spec.model("ss-lr-ecre").width == plain
    assert spec.model("ss-lr-seb-wide").width == wide
    assert spec.model("exfuse").width == wide


def test_kernels_at_the_papers_size(paper: Spec) -> None:
    decoder = paper.model("exfuse").decoder
    assert (decoder.gcn_kernel, decoder.dap_kernel) == (15, 3)
    assert paper.preset.evaluation.boundary_width == 7


D, SUPERVISED, SUBPIXEL, ECRE = Upsampling
SWITCHES = {  # backbone, tap, upsampling, semantic embedding, prediction, fused levels
    "gcn-resnet50": ("resnet50", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "gcn-resnet50-4": ("resnet50", Tap.TAIL, D, False, Prediction.PLAIN, (4,)),
    "gcn-resnet50-34": ("resnet50", Tap.TAIL, D, False, Prediction.PLAIN, (3, 4)),
    "gcn-resnet50-234": ("resnet50", Tap.TAIL, D, False, Prediction.PLAIN, (2, 3, 4)),
    "gcn-resnext101": ("resnext101", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "gcn-resnext101-4": ("resnext101", Tap.TAIL, D, False, Prediction.PLAIN, (4,)),
    "gcn-resnext101-34": ("resnext101", Tap.TAIL, D, False, Prediction.PLAIN, (3, 4)),
    "gcn-resnext101-234": ("resnext101", Tap.TAIL, D, False, Prediction.PLAIN, (2, 3, 4)),
    "gcn-resnext101-ecre-dap-4": ("resnext101", Tap.TAIL, ECRE, False, Prediction.DAP, (4,)),
    "gcn-resnet101": ("resnet101", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "gcn-resnet50-ss": ("resnet50-ss", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-tail": ("resnext101-ss", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss": ("resnext101-ss", Tap.SS_CONVOLUTION, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-lr": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-lr-deconv-supervised": (
        "resnext101-ss-lr", Tap.SS_CONVOLUTION, SUPERVISED, False, Prediction.PLAIN, (1, 2, 3, 4),
    ),
    "ss-lr-subpixel": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, SUBPIXEL, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-lr-ecre": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, ECRE, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-lr-seb": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, D, True, Prediction.PLAIN, (1, 2, 3, 4)),
    "ss-lr-seb-wide": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, D, True, Prediction.WIDE, (1, 2, 3, 4)),
    "ss-lr-seb-dap": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, D, True, Prediction.DAP, (1, 2, 3, 4)),
    "exfuse": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (1, 2, 3, 4)),
    "exfuse-4": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (4,)),
    "exfuse-34": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (3, 4)),
    "exfuse-234": ("resnext101-ss-lr", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (2, 3, 4)),
    "exfuse-resnext131": ("resnext131-ss", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (1, 2, 3, 4)),
    "exfuse-resnext131-coco": ("resnext131-ss", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (1, 2, 3, 4)),
    "gcn-resnext101-coco": ("resnext101", Tap.TAIL, D, False, Prediction.PLAIN, (1, 2, 3, 4)),
    "exfuse-resnet101-test": ("resnet101-ss", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (1, 2, 3, 4)),
    "exfuse-resnext131-test": ("resnext131-ss", Tap.SS_CONVOLUTION, ECRE, True, Prediction.DAP, (1, 2, 3, 4)),
}  # fmt: skip


def test_all_runs_of_the_design_and_no_others(paper: Spec) -> None:
    assert set(paper.runs) == set(SWITCHES)


@pytest.mark.parametrize("run", SWITCHES)
def test_parts_of_each_run(paper: Spec, run: str) -> None:
    backbone, tap, upsampling, semantic_embedding, prediction, levels = SWITCHES[run]
    decoder = paper.model(run).decoder
    assert paper.backbone_name(run) == backbone
    assert (decoder.tap, decoder.upsampling, decoder.prediction) == (tap, upsampling, prediction)
    assert decoder.semantic_embedding is semantic_embedding
    assert decoder.levels == levels


COCO_STAGES = ("coco", "trainaug", "train")


@pytest.mark.parametrize(
    ("run", "chain"),
    [
        ("gcn-resnext101", [("gcn-resnext101", "trainaug")]),
        ("exfuse-resnext131", [("exfuse-resnext131", "trainaug")]),
        ("exfuse-resnext131-coco", [("exfuse-resnext131-coco", stage) for stage in COCO_STAGES]),
        ("gcn-resnext101-coco", [("gcn-resnext101-coco", stage) for stage in COCO_STAGES]),
        ("exfuse-resnet101-test", [("exfuse-resnet101-test", stage) for stage in (*COCO_STAGES, "trainval")]),
        (
            "exfuse-resnext131-test",
            [
                *(("exfuse-resnext131-coco", stage) for stage in COCO_STAGES),
                ("exfuse-resnext131-test", "trainval"),
            ],
        ),
    ],
)
def test_chains(paper: Spec, run: str, chain: list[tuple[str, str]]) -> None:
    """§4: COCO, then trainaug, then VOC's own training set; trainval before the test server."""
    assert paper.chain(run) == tuple(Link(run=owner, stage=stage) for owner, stage in chain)  # type: ignore[arg-type]


def test_every_other_run_has_the_one_stage_of_the_ablations(paper: Spec) -> None:
    single = {name for name in paper.runs if not name.endswith(("-coco", "-test"))}
    assert len(single) == 25
    assert {paper.runs[name].stages for name in single} == {("trainaug",)}
    assert {paper.runs[name].evaluated_on for name in single} == {"val"}


def test_trainval_freezes_batch_norm_and_no_other_stage_does(repo_root: Path) -> None:
    for preset in PRESETS:
        stages = load(repo_root, preset).preset.fine_tuning
        frozen = {name for name in type(stages).model_fields if getattr(stages, name).batch_norm == "frozen"}
        assert frozen == {"trainval"}


def test_hard_classes_are_the_papers(paper: Spec) -> None:
    assert paper.datasets.hard_classes == ("bicycle", "chair", "diningtable", "pottedplant", "sofa")


def test_vocs_classes_are_twenty_in_the_alphabets_order(paper: Spec) -> None:
    assert paper.classes == VOC_CLASSES
    assert VOC_CLASSES[0] == "background"
    assert len(VOC_CLASSES) == 21
    assert list(VOC_CLASSES[1:]) == sorted(VOC_CLASSES[1:])


def test_mini_keeps_four_classes_two_of_them_hard(mini: Spec) -> None:
    assert mini.classes == ("background", "bicycle", "car", "cat", "chair")
    assert len(set(mini.classes) & set(mini.datasets.hard_classes)) == 2


def test_wide_decoders_take_their_own_number_of_steps(mini: Spec, paper: Spec) -> None:
    assert mini.fine_tuning("gcn-resnext101", "trainaug").steps == 400
    for run in ("exfuse", "ss-lr-seb-wide", "ss-lr-seb-dap", "gcn-resnext101-ecre-dap-4"):
        assert mini.fine_tuning(run, "trainaug").steps == 200
    assert paper.fine_tuning("exfuse", "trainaug") == paper.fine_tuning("gcn-resnext101", "trainaug")


def test_voc_makes_what_public_weights_allow(repo_root: Path) -> None:
    spec = load(repo_root, "voc")
    made = {run for run in spec.runs if spec.why_no_run(run) is None}
    plain = {run for run, switches in SWITCHES.items() if switches[0] in PLAIN}
    assert made == plain - {"gcn-resnext101-coco"}
    assert spec.why_no_run("gcn-resnext101-coco") == "not run: needs COCO"
    assert spec.why_no_run("exfuse") == "not run: needs ImageNet"


@pytest.mark.parametrize(
    "make",
    [
        lambda: DecoderSpec(levels=(1, 2)),
        lambda: DecoderSpec(levels=(4, 3)),
        lambda: DecoderSpec(gcn_kernel=14),
        lambda: DecoderSpec(dap_kernel=2),
    ],
)
def test_decoders_that_cannot_be_built(make: Callable[[], DecoderSpec]) -> None:
    with pytest.raises(ValidationError):
        make()


@pytest.mark.parametrize(("preset", "precision"), [("smoke", "float32"), ("mini", "float32"), ("paper", "bfloat16")])
def test_two_cores_train_in_float32(params: Params, preset: str, precision: str) -> None:
    """`mini` extends `paper`; on a CPU its bfloat16 would be slower, and other numbers."""
    assert params.load(preset).preset.hardware.precision == precision
