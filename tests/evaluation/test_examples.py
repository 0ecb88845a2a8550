"""The examples of README.md and docs/use.md work when they are pasted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.trained import write_weights

WEIGHTS = "results/mini/runs/exfuse/seed0/trainaug/weights.safetensors"


def examples(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


def pasted(code: str, folder: Path, repo_root: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_readmes(tmp_path: Path, repo_root: Path) -> None:
    (tmp_path / WEIGHTS).parent.mkdir(parents=True)
    write_weights(tmp_path / WEIGHTS)
    (code,) = examples(repo_root / "README.md")
    said = pasted(f"{code}\nprint(tuple(labels.shape), tuple(scores.shape))", tmp_path, repo_root)
    assert said == "(2, 60, 80) (2, 3, 60, 80)\n"


def test_the_documents(tmp_path: Path, repo_root: Path) -> None:
    write_weights(tmp_path / "weights.safetensors")
    Image.new("RGB", (50, 40), (200, 100, 0)).save(tmp_path / "photo.jpg")
    (code,) = (example for example in examples(repo_root / "docs/use.md") if "exfuse.load(" in example)
    said = pasted(f"{code}\nprint(tuple(labels.shape), tuple(scores.shape))", tmp_path, repo_root)
    assert said.startswith("{0: 'background', 7: 'car', 8: 'cat'} tensor([")
    assert said.endswith("(1, 40, 50) (1, 3, 40, 50)\n")


@pytest.mark.slow
def test_a_network_of_the_paper(tmp_path: Path, repo_root: Path) -> None:
    (code,) = (example for example in examples(repo_root / "docs/use.md") if "build(" in example)
    assert pasted(f"import torch\n{code}\nprint(tuple(scores.shape))", tmp_path, repo_root) == "(1, 21, 64, 64)\n"
