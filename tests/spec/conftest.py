"""``params/`` as committed, and a copy that a test may change."""

import dataclasses
from pathlib import Path

import pytest

from exfuse.spec.fidelity import Fidelity
from exfuse.spec.load import load
from exfuse.spec.spec import Spec
from tests.params import Params, copy_params
from tests.spec.fidelity_cases import part


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """A copy of the repository's ``params/`` for this test alone."""
    return copy_params(repo_root, tmp_path)


@pytest.fixture(scope="session")
def paper(repo_root: Path) -> Spec:
    """The preset at the paper's sizes."""
    return load(repo_root, "paper")


@pytest.fixture(scope="session")
def mini(repo_root: Path) -> Spec:
    """The default preset."""
    return load(repo_root, "mini")


@pytest.fixture
def small(paper: Spec) -> Spec:
    """The paper's spec with a single part."""
    return dataclasses.replace(
        paper, fidelity=Fidelity(parts={"dap": part()}, hyperparameters=paper.fidelity.hyperparameters)
    )
