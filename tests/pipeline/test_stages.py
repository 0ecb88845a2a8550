"""The stages' names, and what each has of the graph."""

from collections import Counter
from pathlib import Path

import pytest
from dvc.stage.utils import is_valid_name

from exfuse.pipeline.stages import stage_name, stages
from exfuse.spec.graph import FIGURES, Graph
from exfuse.spec.load import load
from exfuse.spec.manifest import provenance_file
from tests.params import Params, copy_params

PRESETS = ("smoke", "mini", "voc", "paper")


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """A copy of ``params/`` beside no data."""
    return copy_params(repo_root, tmp_path)


@pytest.mark.parametrize(
    ("job", "stage"),
    [
        ("archives", "archives"),
        ("data/voc", "data-voc"),
        ("data/voc-test", "data-voc-test"),
        ("data/sets/trainaug", "set-trainaug"),
        ("backbones/resnext101-ss-lr", "backbone-resnext101-ss-lr"),
        ("runs/exfuse/seed0/trainaug", "exfuse-seed0-trainaug"),
        ("runs/exfuse/seed0/trainaug/val", "exfuse-seed0-val"),
        ("runs/exfuse-resnext131-test/seed12/trainval/test", "exfuse-resnext131-test-seed12-test"),
        ("models/costs", "costs"),
        ("tables/table3", "table3"),
        ("figures/learning-curves", "figures"),
        ("claims", "claims"),
        ("report", "report"),
    ],
)
def test_names(job: str, stage: str) -> None:
    assert stage_name(job) == stage


@pytest.mark.parametrize("seeds", [1, 2, 12])
@pytest.mark.parametrize("preset", PRESETS)
def test_names_are_unique_and_such_as_dvc_allows(params: Params, preset: str, seeds: int) -> None:
    params.put("presets/paper.yaml", "seeds", seeds)
    graph = params.graph(preset)
    assert graph.spec.preset.seeds == seeds
    names = Counter(stage_name(job) for job in graph.jobs)
    assert {name: count for name, count in names.items() if count > 1} == {"figures": len(FIGURES)}
    assert "pipeline" not in names
    assert all(is_valid_name(name) for name in names)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_file_of_the_graph_is_made_by_one_stage(params: Params, preset: str) -> None:
    graph = params.graph(preset)
    found = stages(graph)
    outs = Counter(out for stage in found.values() for out in (*stage.outs, *stage.metrics))
    assert set(outs.values()) == {1}
    for job in graph.jobs.values():
        stage = found[stage_name(job.name)]
        made = {*stage.outs, *stage.metrics}
        files = (*job.outputs, job.manifest, provenance_file(job.manifest))
        assert {path.relative_to(params.root).as_posix() for path in files} <= made


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stage_stands_below_all_that_its_jobs_read(params: Params, preset: str) -> None:
    """And nothing else: `dvc repro table3` makes only what Table 3 needs."""
    graph = params.graph(preset)
    found = stages(graph)
    passed: set[str] = set()
    for name, stage in found.items():
        asked = {other for job in stage.jobs for other in graph.jobs[job].upstream}
        above = {stage_name(other) for other in asked} - {name}
        manifests = {graph.jobs[other].manifest.relative_to(params.root).as_posix() for other in asked}
        made = {dep for dep in stage.deps if dep.endswith("manifest.json")}
        assert made == {path for path in manifests if path not in stage.outs}
        assert above <= passed
        passed.add(name)


def test_masks_and_images_travel_with_their_index(params: Params) -> None:
    found = stages(params.graph("smoke"))
    folders = {out for stage in found.values() for out in stage.outs if out.endswith(("/images", "/masks"))}
    assert folders == {
        *(
            f"results/smoke/data/{publisher}/{kind}"
            for publisher in ("voc", "sbd", "coco")
            for kind in ("images", "masks")
        ),
        "results/smoke/data/voc-test/images",
    }
    assert not any("imagenet" in out and out.endswith(".JPEG") for stage in found.values() for out in stage.outs)
    assert len(found["data-imagenet"].outs) == 5  # train, val, classes; manifest, provenance


def test_metrics_are_one_file_a_backbone_and_a_run(params: Params) -> None:
    found = stages(params.graph("smoke"))
    named = {name: stage.metrics for name, stage in found.items() if stage.metrics}
    assert named["backbone-resnet50"] == ("results/smoke/backbones/resnet50/metrics.json",)
    assert named["exfuse-seed0-val"] == ("results/smoke/runs/exfuse/seed0/trainaug/metrics.json",)
    assert all(name.startswith("backbone-") or name.endswith("-val") for name in named)
    assert len(named) == 8 + 27


def test_raw_archives_are_read_where_they_lie(params: Params) -> None:
    """Where a preset has none of its own to make; what is not there yet is no input."""
    assert not stages(params.graph("voc"))["data-voc"].deps[1:]
    archive = params.root / "data" / "official" / "VOCtrainval_11-May-2012.tar"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"")
    found = stages(params.graph("voc"))
    assert "data/official/VOCtrainval_11-May-2012.tar" in found["data-voc"].deps
    assert not any("official" in dep for dep in found["data-sbd"].deps)


def test_data_on_another_disk(params: Params, tmp_path_factory: pytest.TempPathFactory) -> None:
    disk = tmp_path_factory.mktemp("disk")
    (disk / "benchmark.tgz").write_bytes(b"")
    graph = Graph(load(params.root, "voc", {"data_root": str(disk)}))
    assert str(disk / "benchmark.tgz") in stages(graph)["data-sbd"].deps
