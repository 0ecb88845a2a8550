"""A user's own data, as docs/own-data.md has it: two entries in params/, then snakemake."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from tests.data.own_data import CLASSES, folder_entry, write_own_folder
from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow

RUN = "exfuse"
PRESET = """
extends: smoke
description: streets in twelve classes
data: streets
data_root: {root}
runs: [{run}]
classes: null
backbone_weights: random
fine_tuning:
  common:
    crop_size: {{value: 96, source: assumption, why: a test}}
"""


def declare(clone: Clone, data: Path) -> None:
    datasets = clone.root / "params/datasets.yaml"
    entry = yaml.safe_dump({"streets": folder_entry()}, sort_keys=False)
    datasets.write_text(datasets.read_text() + "".join(f"  {line}\n" for line in entry.splitlines()))
    preset = PRESET.format(root=data, run=RUN)
    (clone.root / "params/presets/streets.yaml").write_text(preset)


def test_twelve_classes_of_480_by_360_pixels(empty: Clone, tmp_path: Path) -> None:
    folder = write_own_folder(tmp_path / "data", val=2)
    declare(empty, folder.root)
    done = empty.snakemake("--config", "preset=streets")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    results = empty.root / "results/streets"
    scores = json.loads((results / f"runs/{RUN}/seed0/trainaug/val.json").read_text())
    assert set(scores["iou"]) == set(CLASSES)
    assert scores["images"] == len(folder.ids["val"])
    assert (results / f"runs/{RUN}/seed0/trainaug/weights.safetensors").is_file()
    with open(results / "tables/table3.csv", newline="") as lines:
        rows = {row["row"]: row for row in csv.DictReader(lines)}
    assert rows["7"]["run"] == "exfuse"
    assert (rows["7"]["status"], rows["7"]["delta"]) == ("measured", "")
    assert rows["2"]["status"] == "not run: none of the preset's runs"
    page = (results / "report/index.html").read_text()
    assert "not of PASCAL VOC" in page
    assert "have not been run" not in page
    assert all(name in page for name in CLASSES)
    again = empty.snakemake("--config", "preset=streets")
    assert "Nothing to be done" in again.stdout + again.stderr
    mask = folder.root / "masks/val_000.png"
    mask.write_bytes((folder.root / "masks/val_001.png").read_bytes())
    stale = empty.snakemake("--dry-run", "--quiet", "rules", "--config", "preset=streets")
    assert {"prepare", "finetune", "evaluate"} <= {
        line.split()[0] for line in stale.stdout.splitlines() if line.split()
    }


def test_a_mask_that_does_not_fit_is_named(empty: Clone, tmp_path: Path) -> None:
    folder = write_own_folder(tmp_path / "data", train=2, val=1)
    declare(empty, folder.root)
    (folder.root / "masks/val_000.png").write_bytes((folder.root / "images/train_001.jpg").read_bytes())
    done = empty.snakemake("--config", "preset=streets", "--", "results/streets/data/own/manifest.json")
    assert done.returncode != 0
    message = (empty.root / "results/streets/logs/data/own.log").read_text()
    assert "error: " in message
    assert "val_000.png: the mask is JPEG of mode RGB" in message
    assert "Traceback" not in message
    assert not (empty.root / "results/streets/data/own").exists()
