"""A folder in which `exfuse data prepare` is called on archives that a test damages."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import program
from tests.data import damage
from tests.params import Params

Tree = dict[str, bytes]
WORDS = ("--preset", "paper", "--data", "damaged", "--data-root", "archives", "data", "prepare")


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    stderr: str


@dataclass(frozen=True)
class Copy:
    """A folder with ``params/``, archives, and the data that was prepared from them while they were whole."""

    root: Path

    def spoil(self, archive: str, how: damage.Damage) -> None:
        """Damages an archive."""
        content = how(damage.whole(archive), damage.packer(archive))
        (self.root / "archives" / archive).write_bytes(content)

    def mend(self, archive: str) -> None:
        """Puts the whole archive back."""
        (self.root / "archives" / archive).write_bytes(damage.packer(archive)(damage.whole(archive)))

    def declare(self, key: str, value: Any) -> None:
        """Sets a leaf of the folder's declaration in ``params/datasets.yaml``."""
        Params(self.root).put("datasets.yaml", f"folders.damaged.{key}", value)

    def prepared(self, publisher: str) -> Tree:
        """What was prepared for a publisher."""
        return tree(self.root / "results" / "paper" / "data" / publisher)

    def others(self) -> list[str]:
        """What lies beside the prepared folders."""
        folder = self.root / "results" / "paper" / "data"
        return sorted(path.name for path in folder.iterdir() if path.name not in damage.ARCHIVES)

    def run(self, *words: str, **options: Any) -> Ended:
        """The program in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "exfuse.cli", *WORDS, *words], cwd=self.root, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, **options,
        )  # fmt: skip
        return Ended(done.returncode, done.stderr)

    @property
    def environment(self) -> dict[str, str]:
        """The package of this repository."""
        return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def tree(folder: Path) -> Tree:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def call(publisher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
    """The program in this process."""
    code = program.call(monkeypatch, *WORDS, publisher)
    return Ended(code, capsys.readouterr().err)


def assert_refused(ended: Ended, *words: str) -> None:
    assert ended.code == 1, ended
    assert "Traceback" not in ended.stderr
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, ended.stderr
    assert ended.stderr.endswith(f"{errors[0]}\n")
    for word in words:
        assert word in errors[0]
