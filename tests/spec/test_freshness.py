"""Which jobs have to run, on manifests written by hand: a key that differs, a file that is gone and needed, damage."""

import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph
from tests.params import Params, copy_params
from tests.spec.job_names import REPORT

STAGE = "runs/ss-lr/seed0/trainaug"
BELOW_STAGE = {
    STAGE, f"{STAGE}/val", "tables/table3", "tables/table4", "claims", "figures/learning-curves", "figures/per-class",
    "figures/boundary", "figures/object-size", "figures/costs-chart", "models/costs", *REPORT,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished_once(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything seems to have run at the preset `mini`; to be copied."""
    made = copy_params(repo_root, tmp_path_factory.mktemp("finished"))
    made.finish(made.graph("mini"))
    return made.root


@pytest.fixture
def params(finished_once: Path, tmp_path: Path) -> Params:
    """This test's copy of that folder."""
    return Params(shutil.copytree(finished_once, tmp_path / "copy"))


@pytest.fixture
def finished(params: Params) -> Graph:
    """Its graph."""
    return params.graph("mini")


def test_nothing_has_run(repo_root: Path, tmp_path: Path) -> None:
    graph = copy_params(repo_root, tmp_path).graph("mini")
    assert stale_jobs(graph) == set(graph.jobs)


def test_everything_has_run(finished: Graph) -> None:
    assert stale_jobs(finished) == set()


def test_a_changed_value_makes_what_depends_on_it_stale(params: Params, finished: Graph) -> None:
    params.put("presets/mini.yaml", "backbones.resnet101-ss.blocks.value", [1, 1, 1, 1])
    assert stale_jobs(params.graph("mini")) == {
        "backbones/resnet101-ss",
        *(f"runs/exfuse-resnet101-test/seed0/{stage}" for stage in ("coco", "trainaug", "train", "trainval")),
        "runs/exfuse-resnet101-test/seed0/trainval/test",
        "tables/table8",
        "figures/learning-curves",
        "figures/costs-chart",
        "models/costs",
        *REPORT,
    }


def test_a_missing_manifest_makes_its_own_job_stale_and_no_other(finished: Graph) -> None:
    """Its key has not changed, so what was made from it is still right."""
    finished.jobs[STAGE].manifest.unlink()
    assert stale_jobs(finished) == {STAGE}


@pytest.mark.parametrize("content", ["", "{", "[]", '"key"', "null", '{"key": 3}', '{"key": "0"}', "\xff"])
def test_a_damaged_manifest_is_none(finished: Graph, content: str) -> None:
    finished.jobs[STAGE].manifest.write_bytes(content.encode("latin-1"))
    assert stale_jobs(finished) == {STAGE}


def test_missing_weights_that_nobody_needs(finished: Graph) -> None:
    for job in finished.jobs.values():
        for output in job.outputs:
            if output.suffix == ".safetensors":
                output.unlink()
    assert stale_jobs(finished) == set()


def test_a_figure_needs_no_weights(finished: Graph) -> None:
    for job in finished.jobs.values():
        for path in job.outputs:
            if path.name == "weights.safetensors":
                path.unlink()
    finished.jobs["figures/learning-curves"].outputs[0].unlink()
    assert stale_jobs(finished) == {"figures/learning-curves"}


def test_missing_weights_that_a_stale_evaluation_needs(params: Params, finished: Graph) -> None:
    finished.jobs[STAGE].outputs[0].unlink()
    finished.jobs["runs/ss/seed0/trainaug"].outputs[0].unlink()
    finished.jobs["tables/table5"].manifest.unlink()
    finished.jobs[f"{STAGE}/val"].manifest.unlink()
    assert stale_jobs(finished) == {STAGE, f"{STAGE}/val", "tables/table5"}


def test_missing_files_are_made_back_to_the_first_that_is_there(finished: Graph) -> None:
    """A stage's weights are needed, and for them the backbone's, and for those the index; the archives are there."""
    for name in (STAGE, "backbones/resnext101-ss-lr", "data/imagenet", "data/voc"):
        for output in finished.jobs[name].outputs:
            output.unlink()
    finished.jobs[f"{STAGE}/val"].manifest.unlink()
    assert stale_jobs(finished) == {f"{STAGE}/val", STAGE, "backbones/resnext101-ss-lr", "data/imagenet"}


@pytest.mark.parametrize(
    "name",
    [
        "tables/table3",
        "figures/figure7",
        "claims",
        *REPORT,
        "runs/exfuse-resnet101-test/seed0/trainval/test",
    ],
)
def test_what_people_look_at_is_made_again_when_it_is_gone(finished: Graph, name: str) -> None:
    for output in finished.jobs[name].outputs:
        output.unlink()
        assert stale_jobs(finished) == {name}
    assert stale_jobs(finished) == {name}


def test_stale_jobs_are_those_below_a_changed_stage(params: Params, finished: Graph) -> None:
    params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
    assert stale_jobs(params.graph("mini")) == BELOW_STAGE


def test_an_altered_archive_is_made_again_and_nothing_else(params: Params, finished: Graph) -> None:
    archive = next(path for path in finished.jobs["archives"].outputs if path.name == "benchmark.tgz")
    archive.write_bytes(b"altered")
    assert stale_jobs(params.graph("mini")) == {"archives"}


def test_a_deleted_archive_is_not_missed(params: Params, finished: Graph) -> None:
    finished.jobs["archives"].outputs[0].unlink()
    assert stale_jobs(params.graph("mini")) == set()
    finished.jobs["data/voc"].manifest.unlink()
    assert stale_jobs(params.graph("mini")) == {"archives", "data/voc"}


def test_archives_with_a_manifest_that_lacks_their_digests(params: Params, finished: Graph) -> None:
    manifest = finished.jobs["archives"].manifest
    manifest.write_text(f'{{"key": "{finished.jobs["archives"].key}"}}')
    assert stale_jobs(params.graph("mini")) == {"archives"}


def test_presets_do_not_share_results(params: Params, finished: Graph) -> None:
    graph = params.graph("smoke")
    assert stale_jobs(graph) == set(graph.jobs)


def test_the_graph_lists_upstream_before_downstream(params: Params) -> None:
    for preset in ("mini", "voc", "paper"):
        seen: set[str] = set()
        for job in params.graph(preset).jobs.values():
            assert set(job.upstream) <= seen
            seen.add(job.name)


def test_every_training_reads_its_set_and_its_predecessor(params: Params) -> None:
    jobs = params.graph("mini").jobs
    assert jobs["runs/exfuse-resnext131-test/seed0/trainval"].upstream == (
        "runs/exfuse-resnext131-coco/seed0/train",
        "data/sets/trainval",
    )
    assert jobs["runs/exfuse/seed0/trainaug"].upstream == ("backbones/resnext101-ss-lr", "data/sets/trainaug")
    assert jobs["data/sets/coco"].upstream == ("data/voc", "data/sbd", "data/coco")
    assert jobs["data/sets/val"].upstream == ("data/voc",)
    assert jobs["data/sets/test"].upstream == ("data/voc-test",)


@pytest.mark.parametrize(("preset", "trainings", "evaluations"), [("mini", 44, 27), ("paper", 44, 27), ("voc", 13, 10)])
def test_how_many_trainings_and_evaluations(params: Params, preset: str, trainings: int, evaluations: int) -> None:
    """8 backbones, 25 runs of one stage, 2 of three, 1 of four, 1 that adds one; voc: 3 backbones and 10 plain runs."""
    graph = params.graph(preset)
    found = [n for n in graph.jobs if fnmatchcase(n, "backbones/*") or fnmatchcase(n, "runs/*/seed0/*")]
    assert len([name for name in found if not name.endswith(("/val", "/test"))]) == trainings
    assert len([name for name in graph.jobs if name.endswith("/val") and name.startswith("runs/")]) == evaluations
