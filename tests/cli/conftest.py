"""A copy of ``params/`` in the current folder, and what a call leaves there."""

from pathlib import Path

import pytest

from tests.params import Params, copy_params


@pytest.fixture
def params(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A copy of ``params/`` in the current folder."""
    copy = copy_params(repo_root, tmp_path)
    monkeypatch.chdir(copy.root)
    return copy


def left(root: Path) -> set[str]:
    """What a call left beside ``params/`` and the locks."""
    paths = (path.relative_to(root) for path in root.rglob("*"))
    return {str(path) for path in paths if path.parts[0] not in ("params", ".exfuse")}
