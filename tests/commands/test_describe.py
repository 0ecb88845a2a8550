"""What the weights of a job say of themselves, and that it is enough to use them as the job did."""

from dataclasses import replace
from pathlib import Path

import pytest

from exfuse import provenance
from exfuse.commands.describe import classifier_info, segmenter_info
from exfuse.commands.score import inference_settings
from exfuse.evaluation.predictor import Predictor
from exfuse.models import build
from exfuse.models.weights import save_weights
from exfuse.spec.graph import Graph
from exfuse.spec.load import load
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import ClassifierInfo, Origin, Scores, SegmenterInfo
from tests.networks import EXFUSE
from tests.params import copy_params

REARRANGED = {"resnext101-ss-lr", "resnext131-ss"}
"""By Section 3.1 and 4: {8, 8, 9, 8} and {8, 8, 19, 8}."""

OTHER = Normalization(mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.1))
BACKBONE = BackboneSpec(
    blocks=(2, 2, 1, 1), channels=(8, 16, 32, 64), stem_width=16, cardinality=4, base_width=32,
    semantic_supervision=SemanticSupervisionSpec(),
)  # fmt: skip
"""`resnext101-ss-lr` of `smoke`."""


@pytest.fixture(scope="module")
def graph(repo_root: Path) -> Graph:
    """Of `smoke`, whose backbones have other numbers of blocks than the paper's."""
    return Graph(load(repo_root, "smoke"))


def test_backbones_say_whether_they_are_rearranged(graph: Graph) -> None:
    infos = {
        name: classifier_info(graph, graph.jobs[f"backbones/{name}"], name, 4, None) for name in graph.spec.backbones
    }
    assert {name for name, info in infos.items() if info.rearranged} == REARRANGED
    assert {info.rearranged for info in infos.values()} == {True, False}


@pytest.mark.parametrize(
    ("run", "stage", "rearranged"),
    [("exfuse", "trainaug", True), ("ss", "trainaug", False), ("exfuse-resnext131-test", "trainval", True)],
)
def test_segmenters_say_it_of_the_backbone_that_they_start_from(
    graph: Graph, run: str, stage: str, rearranged: bool
) -> None:
    job = graph.jobs[f"runs/{run}/seed0/{stage}"]
    assert segmenter_info(graph, job, run, stage, None).rearranged is rearranged  # type: ignore[arg-type]


# --- a run whose numbers are not those of its preset ---


@pytest.fixture(scope="module")
def changed(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Of `smoke` on a trained backbone with a mean and deviation of its own, the crops of `trainaug` larger."""
    params = copy_params(repo_root, tmp_path_factory.mktemp("params"))
    file = params.root / "trained/resnext101-ss-lr/weights.safetensors"
    file.parent.mkdir(parents=True)
    info = ClassifierInfo(
        title="of another preset", backbone=BACKBONE, num_classes=4, normalization=OTHER, top1_error=None,
        origin=Origin(job="backbones/resnext101-ss-lr", key="0", preset="other", data="elsewhere", code="0"),
    )  # fmt: skip
    save_weights(file, {}, info)
    params.put("presets/smoke.yaml", "backbone_weights", "trained/")
    size = {"value": 192, "source": "assumption", "why": "three times the others"}
    params.put("presets/smoke.yaml", "fine_tuning.trainaug.crop_size", size)
    params.put("presets/smoke.yaml", "hardware.workers", 3)
    return params.graph("smoke")


def origin(graph: Graph, name: str) -> Origin:
    job = graph.jobs[name]
    return Origin(
        job=name,
        key=job.key,
        upstream={before: graph.jobs[before].key for before in job.upstream},
        preset="smoke",
        data="the smallest archives that hold every quirk",
        caveat=graph.spec.caveat,
        code=provenance.code_version(),
        libraries=provenance.library_versions(),
        settings=dict(job.settings),
    )


def test_every_word_of_a_segmenter(changed: Graph) -> None:
    name = "runs/exfuse/seed0/trainaug"
    scores = Scores(on="VOC val", images=8, miou=0.5, miou_flip=0.25, iou={"car": 0.5}, boundary_width=0.875)
    found = segmenter_info(changed, changed.jobs[name], "exfuse", "trainaug", scores)
    assert found == SegmenterInfo(
        title="ExFuse, ResNeXt 101",
        model=ModelSpec(backbone=BACKBONE, decoder=DecoderSpec(gcn_kernel=7, **EXFUSE), num_classes=5),
        classes=("background", "bicycle", "car", "cat", "chair"),
        labels=(0, 2, 7, 8, 9),
        merged=(1, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20),
        size=192,
        normalization=OTHER,
        scores=scores,
        rearranged=True,
        origin=origin(changed, name),
    )
    assert {"backbones/resnext101-ss-lr", "data/sets/trainaug"} <= found.origin.upstream.keys()
    assert "mean nothing" in found.origin.caveat
    assert changed.spec.preset.normalization != OTHER


def test_every_word_of_a_backbone(changed: Graph) -> None:
    name = "backbones/resnext101-ss-lr"
    assert classifier_info(changed, changed.jobs[name], "resnext101-ss-lr", 4, 0.125) == ClassifierInfo(
        title="ResNeXt 101 + SS + LR",
        backbone=BACKBONE,
        num_classes=4,
        normalization=OTHER,
        top1_error=0.125,
        rearranged=True,
        origin=origin(changed, name),
    )


def test_who_has_the_file_alone_gives_images_as_the_run_does(changed: Graph) -> None:
    """But for the processes that load them."""
    info = segmenter_info(changed, changed.jobs["runs/exfuse/seed0/trainaug"], "exfuse", "trainaug", None)
    network = build(changed.spec.model("exfuse"))
    scoring = inference_settings(changed, "exfuse", network)
    assert (scoring.size, scoring.mean, scoring.batch_size, scoring.workers) == (192, OTHER.mean, 5, 3)
    assert Predictor(network, info).settings == replace(scoring, workers=0)
