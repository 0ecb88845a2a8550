"""A clone without results and without a remote: DVC makes one table and what it needs, then all the rest."""

import shutil
from pathlib import Path

import pytest

from exfuse.spec.graph import Graph
from exfuse.spec.manifest import provenance_file
from tests.workflow.conftest import Clone
from tests.workflow.dvc_clone import DvcClone, as_dvc_clone

pytestmark = [pytest.mark.workflow, pytest.mark.long]

TABLE = "tables/table5"
LAST = ("tables/table3", "claims", "report")
"""What is left to DVC after what Snakemake has made."""


def _ancestors(graph: Graph, name: str) -> set[str]:
    job = graph.jobs[name]
    return {name}.union(*(_ancestors(graph, other) for other in (*job.upstream, *job.after)))


def _bring(clone: DvcClone, finished: Clone, names: set[str]) -> None:
    """Copies what jobs have made elsewhere, with the prepared images, of which no manifest lists each."""
    for folder in (finished.root / "results/smoke/data").iterdir():
        target = clone.root / folder.relative_to(finished.root)
        if not target.exists():
            shutil.copytree(folder, target)
    for name in names:
        job = clone.graph.jobs[name]
        for path in (*job.outputs, job.manifest, provenance_file(job.manifest)):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(finished.root / path.relative_to(clone.root), path)


def test_one_table_then_the_rest(repo_root: Path, empty: Clone, finished: Clone) -> None:
    clone = as_dvc_clone(repo_root, empty)
    clone.dvc("repro", "table5")
    graph = clone.graph
    first = clone.made()
    assert set(first) == _ancestors(graph, TABLE)

    _bring(clone, finished, set(graph.jobs) - set(first) - set(LAST))
    clone.exfuse("dvc", "record")
    before = clone.made()
    clone.dvc("repro")
    after = clone.made()
    assert set(after) - set(before) == set(LAST)
    assert {name: after[name] for name in before} == before
    clone.assert_nothing_to_do()
