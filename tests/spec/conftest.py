"""``params/`` as committed, and a copy that a test may change."""

from pathlib import Path

import pytest

from exfuse.spec.load import load
from exfuse.spec.spec import Spec
from tests.params import Params, copy_params


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
