"""A copy of the repository in which the whole graph has run once at the preset `smoke`."""

import fcntl
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

COPIED = ("Snakefile", "workflow", "profiles", "params", "exfuse", "pyproject.toml", "CITATION.cff")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until no other of pytest's processes is at work in a folder, which need not exist."""
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Clone:
    """A working copy with its own results."""

    root: Path

    def snakemake(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        """Runs snakemake here with the code of this copy."""
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments]
        with alone(self.root):
            return subprocess.run(
                command, cwd=self.root, capture_output=True, text=True, env=self.environment, check=False
            )

    def smoke(self, *targets: str, options: tuple[str, ...] = (), cores: int = 2) -> subprocess.CompletedProcess[str]:
        """Runs targets at the preset `smoke`, and fails the test when that fails."""
        done = self.snakemake(*options, "--config", "preset=smoke", "--", *targets, cores=cores)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done

    def jobs_to_run(self, *targets: str, options: tuple[str, ...] = ()) -> dict[str, int]:
        """Rule → number of jobs, as a dry run of `smoke` announces them."""
        return _job_stats(self.smoke(*targets, options=("--dry-run", "--quiet", "rules", *options)).stdout.splitlines())

    @property
    def environment(self) -> dict[str, str]:
        """This copy's package before any other."""
        return {**os.environ, "PYTHONPATH": str(self.root)}

    def scramble_times(self, seed: int) -> None:
        """Gives every file a random modification time, as a clone or a copy does."""
        dice = random.Random(seed)
        now = time.time()
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                moment = now - dice.uniform(-1e6, 1e8)
                os.utime(path, (moment, moment))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replaces text that stands exactly once in a file."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))


def _job_stats(lines: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0] not in ("total", "job"):
            found[words[0]] = int(words[1])
    return found


def copy_repository(source: Path, target: Path) -> Clone:
    """Copies what a run needs, without results."""
    target.mkdir()
    for name in COPIED:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, target / name)
    return Clone(target)


@pytest.fixture(scope="session")
def finished(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The graph of `smoke`, made once with two cores, also for several of pytest's processes.

    Tests that change it take a copy (`clone`).
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    finished, unfinished = shared / "finished", shared / "unfinished"
    with alone(finished):
        if not finished.exists():
            copy_repository(repo_root, unfinished).smoke()
            unfinished.rename(finished)
    return Clone(finished)


@pytest.fixture
def clone(finished: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A copy of the finished graph without Snakemake's own records, as a clone with pulled results has."""
    target = tmp_path / "clone"
    shutil.copytree(finished.root, target, ignore=shutil.ignore_patterns(".snakemake", ".exfuse"))
    yield Clone(target)
    shutil.rmtree(target)


@pytest.fixture
def empty(repo_root: Path, tmp_path: Path) -> Clone:
    """The repository without any result."""
    return copy_repository(repo_root, tmp_path / "empty")
