"""Keys: equal for equal spec and data, wherever they lie; one changed value changes those of what depends on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exfuse.spec.graph import inspection
from tests.params import Params, copy_params
from tests.spec.job_names import (
    ABLATIONS,
    COSTS,
    CURVES,
    FIGURES,
    NETWORKS,
    PROBED,
    REPORT,
    SEEN,
    SEGMENTATION,
    SUPERVISED,
    TRACED,
    matching,
)

# file, leaf, new value; the jobs whose keys have to change, worked out by hand from the paper's tables
MINI_CASES: dict[str, tuple[str, str, object, list[str]]] = {
    "boundary-width": (
        "presets/mini.yaml", "evaluation.boundary_width.value", 1.0,
        ["runs/*/val", "tables/table[1-7]", "claims", *SEEN, "figures/costs-chart", *ABLATIONS, *REPORT],
    ),
    "probes": ("presets/paper.yaml", "probes.images.value", 500, [*PROBED, *REPORT]),
    "last-stage-narrow": (
        "presets/mini.yaml", "fine_tuning.train.steps.value", 101,
        [
            "runs/gcn-resnext101-coco/seed0/train", "runs/gcn-resnext101-coco/seed0/train/val", *SEEN,
            *CURVES, *REPORT,
        ],
    ),
    "last-stage-wide": (
        "presets/mini.yaml", "fine_tuning.train.wide_steps.value", 61,
        [
            "runs/exfuse-resnext131-coco/seed0/train", "runs/exfuse-resnext131-coco/seed0/train/val",
            "runs/exfuse-resnet101-test/seed0/train", "runs/exfuse-*-test/seed0/trainval",
            "runs/exfuse-*-test/seed0/trainval/test", "tables/table[78]", "claims", *SEEN, *CURVES, *REPORT,
        ],
    ),
    "trainval": (
        "presets/mini.yaml", "fine_tuning.trainval.wide_steps.value", 61,
        [
            "runs/exfuse-*-test/seed0/trainval", "runs/exfuse-*-test/seed0/trainval/test",
            "tables/table8", "figures/learning-curves", *REPORT,
        ],
    ),
    "coco-stage": (
        "presets/mini.yaml", "fine_tuning.coco.batch_size", {"value": 4, "source": "GCN §4"},
        ["runs/*-coco/*", "runs/*-test/*", "tables/table[78]", "claims", *SEEN, *CURVES, *REPORT],
    ),
    "trainaug": ("presets/mini.yaml", "fine_tuning.trainaug.batch_norm", {"value": "frozen", "source": "GCN §4"}, [
        "runs/*/trainaug*", "runs/*/train", "runs/*/train/val", "runs/*/trainval*", "tables/*", "claims",
        *FIGURES, *PROBED, *REPORT,
    ]),
    "supervision-weight": (
        "presets/paper.yaml", "semantic_supervision.loss_weight.value", 0.4,
        ["backbones/*-ss", "backbones/*-ss-lr", *SUPERVISED],
    ),
    "pretraining": (
        "presets/mini.yaml", "pretraining.steps.value", 301, ["backbones/*", *SEGMENTATION],
    ),
    "blocks": (
        "presets/mini.yaml", "backbones.resnext131-ss.blocks.value", [2, 2, 2, 1],
        [
            "backbones/resnext131-ss", "runs/exfuse-resnext131/*", "runs/exfuse-resnext131-*", "tables/table[78]",
            "claims", *SEEN, *CURVES, *COSTS, *REPORT,
        ],
    ),
    "squeeze-excitation": (
        "backbones.yaml", "resnext131-ss.squeeze_excitation", False,
        [
            "backbones/resnext131-ss", "runs/exfuse-resnext131/*", "runs/exfuse-resnext131-*", "tables/table[78]",
            "claims", *SEEN, *CURVES, *COSTS, *REPORT,
        ],
    ),
    "blocks-that-mini-replaces": ("backbones.yaml", "resnext131-ss.blocks", [8, 8, 20, 8], []),
    "plain-backbone": (
        "backbones.yaml", "resnet101.squeeze_excitation", True,
        ["backbones/resnet101", "runs/gcn-resnet101/*", "claims", *CURVES, *COSTS, *REPORT],
    ),
    "gcn-kernel": ("presets/mini.yaml", "decoder.gcn_kernel.value", 5, [*SEGMENTATION, *NETWORKS]),
    "auxiliary-weight": (
        "presets/paper.yaml", "decoder.auxiliary_weight.value", 1.0,
        [
            "runs/gcn-resnext101-ecre-dap-4/*", "runs/ss-lr-deconv-supervised/*", "runs/ss-lr-ecre/*", "runs/exfuse*",
            "tables/table[34678]", "claims", *FIGURES, *NETWORKS, *REPORT,
        ],
    ),
    "dap-kernel": (
        "presets/paper.yaml", "decoder.dap_kernel.value", 5,
        [
            "runs/gcn-resnext101-ecre-dap-4/*", "runs/ss-lr-seb-wide/*", "runs/ss-lr-seb-dap/*", "runs/exfuse*",
            "tables/table[35678]", "claims", *FIGURES, *NETWORKS, *REPORT,
        ],
    ),
    "decoder": (
        "runs.yaml", "decoders.ss-ecre.upsampling", "sub-pixel",
        [
            "runs/ss-lr-ecre/*", "tables/table[34]", "claims", *CURVES, "figures/per-class", "figures/boundary",
            "figures/object-size", *COSTS, *REPORT,
        ],
    ),
    "levels": (
        "runs.yaml", "runs.exfuse-4.levels", [3, 4],
        ["runs/exfuse-4/*", "tables/table6", "claims", *CURVES, *COSTS, *REPORT],
    ),
    "run-of-table-1": (
        "runs.yaml", "runs.gcn-resnet50-234.backbone", "resnet101",
        ["runs/gcn-resnet50-234/*", "tables/table1", *CURVES, *COSTS, *REPORT],
    ),
    "classes": (
        "presets/mini.yaml", "classes", ["bicycle", "car", "cat"],
        ["data/coco", "data/sets/coco", "data/sets/trainval", *SEGMENTATION, *NETWORKS],
    ),
    "hard-class": (
        "datasets.yaml", "hard_classes", ["chair"],
        [
            "data/sets/trainval", "runs/exfuse-*-test/seed0/trainval", "runs/exfuse-*-test/seed0/trainval/test",
            "tables/table8", "figures/learning-curves", *REPORT,
        ],
    ),
    "archives": (
        "datasets.yaml", "folders.mini.generated.voc_val", 121,
        ["archives", "data/*", "backbones/*", *SEGMENTATION],
    ),
    "archives-of-another-folder": ("datasets.yaml", "folders.smoke.generated.voc_val", 9, []),
    "normalization": (
        "presets/paper.yaml", "normalization.std.value", [0.2, 0.2, 0.2], ["backbones/*", *SEGMENTATION],
    ),
    "threads": ("presets/mini.yaml", "hardware.threads", 2, ["backbones/*", *SEGMENTATION]),
    "workers": ("presets/mini.yaml", "hardware.workers", 2, []),
    "device": ("presets/mini.yaml", "hardware.device", "auto", []),
    "deterministic": ("presets/mini.yaml", "hardware.deterministic", True, []),
    "compile": ("presets/mini.yaml", "hardware.compile", True, []),
    "data-root": ("presets/mini.yaml", "data_root", "/elsewhere", []),
    "claim": ("claims.yaml", "coco.paper", 4.7, ["claims", *REPORT]),
    "printed-value": (
        "tables.yaml", "table5.rows.0.cells.miou.paper", 79.2, ["tables/table5", "figures/boundary", *REPORT],
    ),
    "caption": ("tables.yaml", "table5.caption", "Another caption.", ["tables/table5", *REPORT]),
    "label-of-the-ablation": (
        "tables.yaml", "table3.rows.0.label", "0", [
            "tables/table3", "figures/per-class", "figures/boundary", "figures/confusion", *REPORT,
        ],
    ),
    "score": (
        "presets/mini.yaml", "test_server", {"exfuse-resnet101-test": {"miou": 50.0, "key": "0"}},
        ["tables/table8", *REPORT],
    ),
    "caveat": ("presets/mini.yaml", "caveat", "Beware.", ["tables/*", *REPORT]),
    "reason": ("presets/mini.yaml", "fine_tuning.train.steps.why", "another reason", REPORT),
    "reading": ("fidelity/parts.yaml", "input.readings.padding.alternative", "centred", REPORT),
    "sentence-of-the-paper": ("fidelity/sentences.yaml", "about", "nothing that a job reads", []),
    "title-of-a-run": ("runs.yaml", "runs.ss.title", "Semantic supervision", REPORT),
    "title-of-a-backbone": ("backbones.yaml", "resnet50.title", "ResNet-50", REPORT),
    "title-of-the-folder": ("datasets.yaml", "folders.mini.title", "made up", REPORT),
    "source-of-a-backbone": ("backbones.yaml", "resnet50.source", "ResNet, Table 1", REPORT),
    "published-size": ("datasets.yaml", "gcn_images", 3, REPORT),
    "public-weights-that-mini-does-not-use": ("backbones.yaml", "resnet50.public_weights", "resnet50.other", REPORT),
    "other-preset": ("presets/voc.yaml", "fine_tuning.trainaug.steps.value", 1, []),
}  # fmt: skip


def _changed(params: Params, preset: str, file: str, leaf: str, value: object) -> tuple[set[str], set[str]]:
    before = params.keys(preset)
    params.put(file, leaf, value)
    after = params.keys(preset)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}, set(before)


@pytest.mark.parametrize("case", MINI_CASES)
def test_one_value_changes_the_keys_of_what_depends_on_it(params: Params, case: str) -> None:
    file, leaf, value, expected = MINI_CASES[case]
    changed, jobs = _changed(params, "mini", file, leaf, value)
    assert changed == matching(expected, jobs)


@pytest.mark.parametrize(
    ("preset", "file", "leaf", "value", "expected"),
    [
        (
            "paper", "backbones.yaml", "resnext131-ss.blocks", [8, 8, 20, 8],
            ["backbones/resnext131-ss", "runs/exfuse-resnext131/*", "runs/exfuse-resnext131-*", "tables/table7",
             "claims", *SEEN, *CURVES, *COSTS, *REPORT],
        ),
        (
            "voc", "backbones.yaml", "resnet101.public_weights", "resnet101.a1_in1k",
            ["backbones/resnet101", "runs/gcn-resnet101/*", "claims", *CURVES, *REPORT],
        ),
        ("voc", "presets/paper.yaml", "pretraining.steps.value", 5, REPORT),
        (
            "voc", "presets/voc.yaml", "hardware.threads", 4,
            [
                "runs/*", "tables/table[1236]", "claims", *SEEN, *CURVES, "figures/per-class",
                "figures/boundary", "figures/confusion", *PROBED, *REPORT,
            ],
        ),
        # public weights have a mean and deviation of their own, in the ledger too
        ("voc", "presets/paper.yaml", "normalization.std.value", [0.2, 0.2, 0.2], []),
        (
            "voc", "backbones.yaml", "resnet101.public_normalization", {"mean": [0.5] * 3, "std": [0.5] * 3},
            ["backbones/resnet101", "runs/gcn-resnet101/*", "claims", *CURVES, *REPORT],
        ),
        (
            "mini", "backbones.yaml", "resnet101.public_normalization", {"mean": [0.5] * 3, "std": [0.5] * 3}, [],
        ),
    ],
)  # fmt: skip
def test_other_presets(params: Params, preset: str, file: str, leaf: str, value: object, expected: list[str]) -> None:
    changed, jobs = _changed(params, preset, file, leaf, value)
    assert changed == matching(expected, jobs)


def test_classes_of_the_pretraining_are_part_of_the_trace(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are in no key but in this one, whose networks have as many classes; those of made-up archives too."""
    leaf = "folders.subset.counts.imagenet.classes"
    before, mini = params.keys("smoke", data="subset"), params.keys("mini")
    params.put("datasets.yaml", leaf, 81)
    after = params.keys("smoke", data="subset")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == matching([*TRACED, *REPORT], before)
    assert params.keys("mini") == mini
    monkeypatch.setattr(inspection, "GENERATED_IMAGENET_CLASSES", inspection.GENERATED_IMAGENET_CLASSES + 1)
    again = params.keys("mini")
    assert {name for name in mini if mini[name] != again[name]} == matching([*TRACED, *REPORT], mini)


def test_a_value_changed_back_has_its_key_back(params: Params) -> None:
    before = params.keys()
    params.put("presets/mini.yaml", "pretraining.steps.value", 1)
    assert params.keys() != before
    params.put("presets/mini.yaml", "pretraining.steps.value", 300)
    assert params.keys() == before


def test_more_seeds_add_jobs_and_leave_the_first_as_they_are(params: Params) -> None:
    before = params.keys()
    params.put("presets/mini.yaml", "seeds", 2)
    after = params.keys()
    added = after.keys() - before.keys()
    assert added == {job.replace("/seed0/", "/seed1/") for job in before if "/seed0/" in job}
    kept = {job for job in before if before[job] == after[job]}
    assert kept == {job for job in before if job.startswith(("archives", "data/", "backbones/", "runs/", "models/"))}
    assert not {after[job] for job in added} & set(before.values())


def test_comments_order_and_layout_of_the_files_change_nothing(params: Params) -> None:
    before = params.keys()
    for file in sorted((params.root / "params").rglob("*.yaml")):
        file.write_text("# a remark\n" + file.read_text().replace("\n\n", "\n\n\n") + "\n# another\n")
    assert params.keys() == before
    params.put("presets/mini.yaml", "data", "mini")  # written anew by a YAML library: no comments, other quotes
    assert "#" not in params.file("presets/mini.yaml").read_text().splitlines()[0]
    assert params.keys() == before


def test_the_place_changes_nothing(repo_root: Path, params: Params, tmp_path: Path) -> None:
    """Not even a relative one, as the command line uses."""
    other = copy_params(repo_root, tmp_path / "elsewhere" / "deep")
    here = Params(Path(os.path.relpath(other.root)))
    for preset in ("mini", "smoke", "paper", "voc"):
        assert params.keys(preset) == other.keys(preset) == here.keys(preset)


def test_processes_agree_on_keys(params: Params) -> None:
    """Nothing in them depends on the order of a set or on an object's hash."""
    program = (
        "from pathlib import Path; from tests.params import Params; print(sorted(Params(Path('.')).keys().items()))"
    )
    printed = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=params.root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout)
    assert printed == {f"{sorted(params.keys().items())}\n"}
