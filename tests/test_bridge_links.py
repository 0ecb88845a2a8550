"""Clocks and links: what another place shares with a clone's files is not marked with them."""

import os
from pathlib import Path

import pytest

from exfuse.bridge import LONG_AGO, Bridge
from exfuse.errors import UserError
from tests.params import Params, copy_params

LINKS = {"hardlink": os.link, "symlink": os.symlink}
SECONDS = 1_700_000_000


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """A folder in which everything seems to have run at the preset `smoke`."""
    made = copy_params(repo_root, tmp_path / "copy")
    made.finish(made.graph("smoke"))
    return made


def _link(path: Path, cache: Path, kind: str) -> Path:
    """Moves a file to a cache, write-protected, and leaves a link."""
    kept = cache / path.name
    cache.mkdir()
    path.rename(kept)
    os.utime(kept, (SECONDS, SECONDS))
    kept.chmod(0o444)
    LINKS[kind](kept, path)
    return kept


def _is_own(path: Path) -> bool:
    return not path.is_symlink() and path.stat().st_nlink == 1 and path.stat().st_mode & 0o200 != 0


@pytest.mark.parametrize("kind", list(LINKS))
def test_a_stale_output_becomes_a_file_of_its_own(params: Params, tmp_path: Path, kind: str) -> None:
    table = params.root / "results/smoke/tables/table5.csv"
    kept = _link(table, tmp_path / "cache", kind)
    content = kept.read_bytes()
    Bridge(params.root, {"preset": "smoke"}).mark()
    assert not _is_own(table)  # fresh: it stays a link
    params.put("tables.yaml", "table5.rows.0.label", "another")
    Bridge(params.root, {"preset": "smoke"}).mark()
    assert _is_own(table)
    assert table.stat().st_mtime == LONG_AGO
    assert (kept.read_bytes(), kept.stat().st_mtime) == (content, SECONDS) and table.read_bytes() == content


@pytest.mark.parametrize("kind", list(LINKS))
def test_a_forced_jobs_outputs_become_its_own(params: Params, tmp_path: Path, kind: str) -> None:
    """Snakemake replaces nothing that may not be written."""
    table = params.root / "results/smoke/tables/table5.csv"
    _link(table, tmp_path / "cache", kind)
    bridge = Bridge(params.root, {"preset": "smoke"})
    bridge.inputs("tables/table5")
    assert not _is_own(table)
    Bridge(params.root, {"preset": "smoke"}).inputs("tables/table5", forced=[str(table)])
    assert _is_own(table)


def test_a_link_to_a_file_that_is_gone_is_told(params: Params, tmp_path: Path) -> None:
    """As after a clone was moved, or its cache's disk taken away; Snakemake would speak of a concurrent process."""
    table = params.root / "results/smoke/tables/table5.csv"
    _link(table, tmp_path / "cache", "symlink").unlink()
    with pytest.raises(UserError, match=r"table5\.csv is a link to a file that is gone.*`dvc checkout`"):
        Bridge(params.root, {"preset": "smoke"}).mark()
    assert table.is_symlink()
