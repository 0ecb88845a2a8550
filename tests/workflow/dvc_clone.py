"""A copy of the repository that Git and DVC know, with what DVC is asked and what it keeps."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exfuse.files import read_json
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph
from exfuse.spec.load import load
from exfuse.spec.manifest import provenance_file
from tests.workflow.conftest import Clone, alone

FILES = ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/.gitignore", ".dvc/config")
PRESET = "smoke"


@dataclass(frozen=True)
class DvcClone(Clone):
    """A Git repository with DVC in it; ``params/config.yaml`` names `smoke`."""

    @property
    def environment(self) -> dict[str, str]:
        """The stages' `exfuse` is found, its code is this copy's, and nothing is written to shared places."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
            "DVC_SITE_CACHE_DIR": str(self.root.with_name(f"{self.root.name}-site")),
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Runs a program here."""
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, **options
        )

    def dvc(self, *words: str) -> str:
        """What DVC prints; it has to succeed."""
        return self._done(sys.executable, "-m", "dvc", *words)

    def failing_dvc(self, *words: str) -> str:
        """What DVC says when it fails, which it has to; never a traceback."""
        done = self.run(sys.executable, "-m", "dvc", *words)
        output = done.stdout + done.stderr
        assert done.returncode != 0, output
        assert "Traceback" not in output
        return output

    def exfuse(self, *words: str) -> str:
        """What the program prints; it has to succeed."""
        return self._done(sys.executable, "-m", "exfuse.cli", *words)

    def git(self, *words: str) -> str:
        """What Git prints; it has to succeed."""
        return self._done("git", "-c", "user.name=test", "-c", "user.email=test@localhost", *words)

    def _done(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout

    @property
    def graph(self) -> Graph:
        """The jobs as ``params/`` asks for them now."""
        return Graph(load(self.root, PRESET))

    def stale(self) -> frozenset[str]:
        """The jobs that have to run."""
        return stale_jobs(self.graph)

    def made(self) -> dict[str, str]:
        """When each job was made that is there, as its provenance says."""
        files = {name: provenance_file(job.manifest) for name, job in self.graph.jobs.items()}
        return {name: str(read_json(file)) for name, file in files.items() if file.is_file()}

    def assert_nothing_to_do(self) -> None:
        """Both engines say so, without any option."""
        done = self.snakemake("--dry-run")
        assert done.returncode == 0, done.stderr
        assert "Nothing to be done" in done.stdout + done.stderr
        assert self.dvc("status") == "Data and pipelines are up to date.\n"

    def objects(self, folder: str = ".dvc/cache") -> list[Path]:
        """Of the cache, or of a remote; a killed transfer leaves a hidden file beside them."""
        return [path for path in (self.root / folder).glob("files/md5/??/[0-9a-f]*") if path.is_file()]

    def assert_whole_cache(self, folder: str = ".dvc/cache") -> None:
        """Every object is what its name says, the md5 of its content."""
        found = self.objects(folder)
        assert found
        for path in found:
            name = path.parent.name + path.name.removesuffix(".dir")
            assert hashlib.md5(path.read_bytes()).hexdigest() == name, path

    def delete(self, *jobs: str) -> None:
        """What jobs have made, as if they had never run."""
        graph = self.graph
        for name in jobs:
            job = graph.jobs[name]
            for path in (*job.outputs, job.manifest, provenance_file(job.manifest)):
                path.unlink(missing_ok=True)


def as_dvc_clone(source: Path, clone: Clone) -> DvcClone:
    """Makes a copy of the repository one that Git and DVC know, with everything but results committed to Git."""
    for name in FILES:
        (clone.root / name).parent.mkdir(exist_ok=True)
        shutil.copy(source / name, clone.root / name)
    (clone.root / "params/config.yaml").write_text(f"preset: {PRESET}\n")
    made = DvcClone(clone.root)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "all but results")
    return made


def published(source: Path, finished: Clone, base: Path) -> DvcClone:
    """The finished graph, recorded, committed and pushed to the folder ``storage`` beside it; made once a session."""
    target, unfinished = base / "published", base / "unpublished"
    with alone(target):
        if not target.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(finished.root, unfinished, ignore=shutil.ignore_patterns(".snakemake", ".exfuse"))
            made = as_dvc_clone(source, Clone(unfinished))
            made.dvc("remote", "add", "--default", "storage", str(base / "storage"))
            made.exfuse("dvc", "record")
            made.git("add", "--all")
            made.git("commit", "--quiet", "--message", "results of smoke")
            made.dvc("push", "--quiet")
            unfinished.rename(target)
    return DvcClone(target)


def base_of(factory: pytest.TempPathFactory) -> Path:
    """A folder that all of pytest's processes share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def copy_of(made: DvcClone, target: Path) -> Iterator[DvcClone]:
    """A copy with results and cache, while a test needs it."""
    shutil.copytree(made.root, target, symlinks=True, ignore=shutil.ignore_patterns(".snakemake", ".exfuse"))
    yield DvcClone(target)
    shutil.rmtree(target)


def git_clone_of(made: DvcClone, target: Path) -> DvcClone:
    """What a person has after `git clone`: no results."""
    subprocess.run(["git", "clone", "--quiet", str(made.root), str(target)], check=True)
    return DvcClone(target)
