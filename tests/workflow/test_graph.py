"""The whole graph at the preset `smoke`: everything that the contract names is made, whole, and equal each time."""

import csv
import json
from pathlib import Path

import pytest

from tests.workflow.conftest import Clone

pytestmark = pytest.mark.workflow

BACKBONES = 8
TRAININGS = 44
EVALUATIONS = 27


def _json(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text())
    assert isinstance(content, dict)
    return content


def test_every_training_left_its_files(finished: Clone) -> None:
    base = finished.root / "results" / "smoke"
    backbones = sorted(path.name for path in (base / "backbones").iterdir())
    assert len(backbones) == BACKBONES
    for name in backbones:
        files = {path.name for path in (base / "backbones" / name).iterdir()}
        assert {"weights.safetensors", "manifest.json", "metrics.json", "history.csv", "provenance.json"} <= files
    stages = [path.parent for path in base.glob("runs/*/seed0/*/weights.safetensors")]
    assert len(stages) + BACKBONES == TRAININGS
    for stage in stages:
        assert {"manifest.json", "history.csv", "provenance.json"} <= {path.name for path in stage.iterdir()}


def test_every_evaluation_says_what_the_contract_asks(finished: Clone) -> None:
    files = sorted((finished.root / "results" / "smoke" / "runs").glob("*/seed0/*/val.json"))
    assert len(files) == EVALUATIONS
    for file in files:
        plain, flipped = _json(file), _json(file.with_name("val-flip.json"))
        for content, flip in ((plain, False), (flipped, True)):
            assert {"miou", "iou", "boundary_miou", "interior_miou", "images", "flip", "seed", "key"} <= content.keys()
            assert content["flip"] is flip
            assert content["images"] == 8
        assert list(plain["iou"]) == ["background", "bicycle", "car", "cat", "chair"]  # type: ignore[call-overload]
        assert plain["key"] == _json(file.with_name("val.manifest.json"))["key"]
        assert "computed" not in _json(file.with_name("val.provenance.json"))  # the job that trained has scored it


def test_every_cell_but_the_test_servers_is_filled(finished: Clone) -> None:
    status: dict[str, int] = {}
    for number in range(1, 9):
        with open(finished.root / "results" / "smoke" / "tables" / f"table{number}.csv", newline="") as lines:
            for row in csv.DictReader(lines):
                status[row["status"]] = status.get(row["status"], 0) + 1
                assert (row["measured"] != "") == (row["status"] == "measured")
    assert status == {"measured": 38, "quoted": 8, "waiting for the server's score": 2}


def test_report_and_figures_are_there(finished: Clone) -> None:
    base = finished.root / "results" / "smoke"
    page = (base / "report" / "index.html").read_text()
    for number in range(1, 9):
        assert f"Table {number}" in page
    for name in ("figure7", "learning-curves", "per-class"):
        assert (base / "figures" / f"{name}.svg").stat().st_size > 1000
        assert (base / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (base / "claims.csv").is_file()


def test_submissions_are_written_for_both_rows_of_table_8(finished: Clone) -> None:
    found = sorted((finished.root / "results" / "smoke" / "runs").glob("*/seed0/trainval/submission.tar.gz"))
    assert [path.parts[-4] for path in found] == ["exfuse-resnet101-test", "exfuse-resnext131-test"]


def test_one_core_gives_the_same_numbers_as_two(finished: Clone, empty: Clone) -> None:
    """Trained anew, alone on one core, after the same archives were made anew."""
    stage = "results/smoke/runs/gcn-resnet50-ss/seed0/trainaug"
    empty.smoke(f"{stage}/val.json", cores=1)
    for name in ("val.json", "val-flip.json", "history.csv", "weights.safetensors", "predictions.zip"):
        assert (empty.root / stage / name).read_bytes() == (finished.root / stage / name).read_bytes(), name


def test_snakemakes_own_report(finished: Clone) -> None:
    finished.smoke(options=("--report", "snakemake-report.html"))
    assert "Table 3" in (finished.root / "snakemake-report.html").read_text()
