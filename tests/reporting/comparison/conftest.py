"""Reproductions to compare."""

import shutil

import pytest

from tests.reporting.comparison.reproductions import make


@pytest.fixture(scope="module")
def original(mini, tmp_path_factory):
    return make(mini, tmp_path_factory.mktemp("original"), 0.4567)


@pytest.fixture
def pair(original, tmp_path):
    """Two copies of one reproduction, which a test may change."""
    copies = tmp_path / "a" / "mini", tmp_path / "b" / "mini"
    for copy in copies:
        shutil.copytree(original, copy)
    return copies


@pytest.fixture
def better(mini, tmp_path):
    return make(mini, tmp_path / "better", 0.46)
