"""Ten times SIGKILL at random moments: the next call goes on, and ends with the files of an undisturbed clone."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exfuse.files import digest
from tests.workflow.conftest import Clone
from tests.workflow.dvc_clone import DvcClone, base_of, copy_of, published

pytestmark = [pytest.mark.workflow, pytest.mark.long]

KILLS = 10
JOBS = (
    "data/sets/val",
    "backbones/resnet50-ss",
    "runs/gcn-resnet50-ss/seed0/trainaug",
    "runs/gcn-resnet50-ss/seed0/trainaug/val",
    "tables/table2",
)
"""What is made again; the longest chain of Table 2."""
ENGINES = {"dvc": ("dvc", "repro", "table2"), "snakemake": ("snakemake", "--cores", "2", "table2")}
SECONDS = {"dvc": (1.0, 16.0), "snakemake": (1.0, 8.0)}
"""Until a kill: from before the first lock to the middle of a training, or beyond it."""


@pytest.fixture
def recorded(
    repo_root: Path, finished: Clone, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[DvcClone]:
    """Results of `smoke`, recorded."""
    yield from copy_of(published(repo_root, finished, base_of(tmp_path_factory)), tmp_path / "recorded")


def _digests(clone: DvcClone) -> dict[str, str]:
    """Of what holds neither times nor hosts."""
    jobs = [clone.graph.jobs[name] for name in JOBS]
    return {str(path): digest(path) for job in jobs for path in (*job.outputs, job.manifest)}


@pytest.mark.parametrize("engine", list(ENGINES))
def test_ten_kills_and_the_same_files(recorded: DvcClone, engine: str) -> None:
    recorded.dvc("config", "--local", "cache.type", "hardlink,copy")
    recorded.dvc("checkout", "--quiet", "--relink")
    recorded.delete(*JOBS)
    recorded.smoke("table2")  # weights tell the code's version, which here is this clone's commit
    expected = _digests(recorded)
    recorded.delete(*JOBS)
    dice = random.Random(engine)
    command = [sys.executable, "-m", *ENGINES[engine]]
    killed = 0
    while killed < KILLS:
        process = subprocess.Popen(
            command, cwd=recorded.root, env=recorded.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert process.wait(dice.uniform(*SECONDS[engine])) == 0
            recorded.delete(*JOBS)  # done already: from the beginning
        except subprocess.TimeoutExpired:
            process.kill()  # alone: what it has started hears nothing
            process.wait()
            killed += 1
    done = recorded.run(*command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert _digests(recorded) == expected
    recorded.exfuse("dvc", "record")
    recorded.assert_nothing_to_do()
    recorded.assert_whole_cache()
