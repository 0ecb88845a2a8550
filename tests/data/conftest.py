"""A publisher's server with a client, and a folder with prepared data for tests that damage what it was made from."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data import damage
from tests.data.download_client import CONTENT, Client
from tests.data.publisher_server import Publisher, serving
from tests.data.working_copy import Copy
from tests.params import copy_params


@pytest.fixture
def server() -> Iterator[Publisher]:
    """Sends the content that ``client`` expects, unless it is told otherwise."""
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Downloads into an empty folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return Client(folder)


@pytest.fixture(scope="session")
def session_memory() -> Iterator[Path]:
    """A folder in memory, where there is one: a preparation that ends syncs its disk, which others may write to."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def memory(session_memory: Path) -> Iterator[Path]:
    """A folder of the test's own in memory."""
    with tempfile.TemporaryDirectory(dir=session_memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def whole(repo_root: Path, session_memory: Path) -> Copy:
    """Everything prepared from whole archives."""
    copy = Copy(session_memory / "whole")
    archives = {publisher: [{"file": name} for name in damage.ARCHIVES[publisher]] for publisher in damage.ARCHIVES}
    folder = {"title": "damaged", "subset_of": "official", "archives": archives, "counts": damage.COUNTS}
    copy.root.mkdir()
    copy_params(repo_root, copy.root).put("datasets.yaml", "folders.damaged", folder)
    (copy.root / "archives").mkdir()
    for publisher, names in damage.ARCHIVES.items():
        for name in names:
            copy.mend(name)
        assert copy.run(publisher).code == 0
        assert copy.prepared(publisher)
    return copy


@pytest.fixture
def copy(whole: Copy, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A copy to damage, and the current folder."""
    root = memory / "copy"
    shutil.copytree(whole.root, root)
    monkeypatch.chdir(root)
    return Copy(root)
