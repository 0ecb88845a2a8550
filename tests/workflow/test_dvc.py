"""Two engines, one truth: what DVC and Snakemake take for done, and what they run after a change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import Clone
from tests.workflow.dvc_clone import DvcClone, base_of, copy_of, git_clone_of, published

pytestmark = pytest.mark.workflow

BLOCKS = (
    "params/presets/mini.yaml",
    "resnet50-ss:\n    blocks: {value: [1, 1, 2, 1]",
    "resnet50-ss:\n    blocks: {value: [1, 1, 1, 1]",
)


@pytest.fixture(scope="session")
def shared(repo_root: Path, finished: Clone, tmp_path_factory: pytest.TempPathFactory) -> DvcClone:
    """Results of `smoke`, recorded, committed and pushed; not to be changed."""
    return published(repo_root, finished, base_of(tmp_path_factory))


@pytest.fixture
def recorded(shared: DvcClone, tmp_path: Path) -> Iterator[DvcClone]:
    """A copy of them, with cache."""
    yield from copy_of(shared, tmp_path / "recorded")


@pytest.fixture
def pulled(shared: DvcClone, tmp_path: Path) -> DvcClone:
    """Another person's clone."""
    clone = git_clone_of(shared, tmp_path / "pulled")
    clone.dvc("pull", "--quiet")
    return clone


def test_what_is_recorded_runs_in_neither_engine(shared: DvcClone) -> None:
    before = shared.made()
    assert "Data and pipelines are up to date" in shared.dvc("repro")
    shared.assert_nothing_to_do()
    assert shared.made() == before
    assert shared.git("status", "--porcelain") == ""


def test_what_is_recorded_already_is_left_alone(shared: DvcClone) -> None:
    before = (shared.root / "dvc.lock").read_bytes()
    assert "0 of them now" in shared.exfuse("dvc", "record")
    assert (shared.root / "dvc.lock").read_bytes() == before


def test_another_clone_pulls_and_has_nothing_to_do(pulled: DvcClone, shared: DvcClone) -> None:
    """In the default profile, with no option to remember."""
    pulled.assert_nothing_to_do()
    assert pulled.made() == shared.made()


def test_one_changed_value_runs_the_same_jobs_in_both(recorded: DvcClone, pulled: DvcClone) -> None:
    ran = []
    for clone, make in ((recorded, recorded.smoke), (pulled, lambda table: pulled.dvc("repro", table))):
        clone.edit(*BLOCKS)
        before = clone.made()
        make("table2")
        ran.append({name for name, made in clone.made().items() if made != before[name]})
    run = "runs/gcn-resnet50-ss/seed0/trainaug"
    assert ran[0] == ran[1] == {"backbones/resnet50-ss", run, f"{run}/val", "tables/table2"}


def test_touched_files_comments_and_checkouts_run_nothing(recorded: DvcClone) -> None:
    before = recorded.made()
    recorded.git("checkout", "--quiet", "-b", "elsewhere", "HEAD~1")  # without dvc.lock
    recorded.git("checkout", "--quiet", "main")
    (recorded.root / "results/smoke/tables/table3.csv").unlink()
    recorded.dvc("checkout", "--quiet")
    for file in (recorded.root / "params").rglob("*.yaml"):
        file.write_text("# a remark\n" + file.read_text() + "\n# another\n")
    recorded.scramble_times(3)
    recorded.assert_nothing_to_do()
    assert recorded.made() == before


def test_a_stage_without_entry_is_recorded_without_being_made(recorded: DvcClone) -> None:
    """As after a merge of `dvc.lock`, or the first time in a clone in which Snakemake worked."""
    lock = recorded.root / "dvc.lock"
    kept = lock.read_bytes()
    recorded.git("checkout", "--quiet", "HEAD~1")  # without dvc.lock
    before = recorded.made()
    said = recorded.dvc("repro", "--single-item", "backbone-resnet50")
    assert "backbone-resnet50: as params/ asks for; nothing to make" in said
    assert recorded.made() == before
    assert lock.read_bytes() != kept and b"backbone-resnet50:" in lock.read_bytes()
