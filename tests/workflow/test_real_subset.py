"""The same rules on real archives: a small subset in the publishers' formats."""

import csv
from pathlib import Path

import pytest

from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow

RUNS = ("gcn-resnet50", "gcn-resnet50-ss", "gcn-resnext101-coco")
"""Those of Table 2, and a chain from COCO to VOC. ExFuse takes minutes to score photographs by tiles of 64 pixels."""


def _ids(table: Path) -> list[str]:
    with open(table, newline="") as lines:
        return [row["id"] for row in csv.DictReader(lines)]


def test_real_archives_prepare_and_train(empty: Clone, real_archives: Path) -> None:
    sets = empty.root / "results/smoke/data/sets"
    stage = "results/smoke/runs/ss/seed0/trainaug"
    done = empty.snakemake(
        "--config", "preset=smoke", "data=subset", f"data_root={real_archives}", "--",
        *(str((sets / f"{name}.csv").relative_to(empty.root)) for name in ("train", "trainaug", "coco", "val")),
        f"{stage}/val.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    validation = set(_ids(sets / "val.csv"))
    assert len(_ids(sets / "trainaug.csv")) == 160
    assert len(validation) == 60
    for name in ("train", "trainaug", "coco"):
        assert not validation & set(_ids(sets / f"{name}.csv"))
    assert (empty.root / stage / "weights.safetensors").is_file()


@pytest.mark.slow
def test_the_report_on_real_archives(empty: Clone, real_archives: Path) -> None:
    """All data sets, each stage of COCO's chain, from the archives to the page, for a few of the runs."""
    preset = f"extends: smoke\ndescription: real\ndata: subset\ndata_root: {real_archives}\nruns: [{', '.join(RUNS)}]\n"
    (empty.root / "params/presets/real.yaml").write_text(preset)
    done = empty.snakemake("--config", "preset=real")
    assert done.returncode == 0, done.stderr[-4000:]
    results = empty.root / "results/real"
    with open(results / "tables/table2.csv", newline="") as lines:
        assert {row["status"] for row in csv.DictReader(lines)} == {"measured"}
    for stage in ("coco", "trainaug", "train"):
        assert (results / f"runs/gcn-resnext101-coco/seed0/{stage}/weights.safetensors").is_file()
    assert "a small subset of the real archives" in (results / "report/index.html").read_text()
    again = empty.snakemake("--config", "preset=real")
    assert "Nothing to be done" in again.stdout + again.stderr
