"""The page of what there is: a partial reproduction has one, which the graph makes again when the rest is there."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from benchmarks.made_up import MadeUp
from exfuse.commands import reporting
from exfuse.errors import UserError
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph
from exfuse.spec.load import load


@pytest.fixture
def table3(repo_root: Path, tmp_path: Path) -> Graph:
    """Results of Table 3 alone."""
    made_up = MadeUp(dataclasses.replace(load(repo_root, "mini"), root=tmp_path), images=4)
    graph = made_up.write()
    kept = {cell.measure.run for row in graph.spec.tables["table3"].rows for cell in row.cells.values() if cell.measure}
    for folder in (graph.layout.base / "runs").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)
    return graph


def test_a_report_on_one_table_is_complete_for_it(table3: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    reporting.table(table3, "table3")
    reporting.report(table3)
    told = capsys.readouterr().err
    assert "report: partial, " in told
    assert "`snakemake --cores all --config preset=mini -- results/mini/report/manifest.json` makes the rest." in told
    html = table3.layout.report.read_text()
    tables = html.split('<div class="table" id="')
    states = {part.partition('"')[0]: part.count("state-is-measured") for part in tables[1:]}
    assert states["table3"] == 7
    assert states["table1"] == 1  # its last row is Table 3's baseline
    assert not has_expected_key(table3.jobs["report"])


def test_the_page_of_everything_is_lost_with_its_manifest(table3: Graph) -> None:
    """A page that is partial now must not pass for the whole one that was there."""
    job = table3.jobs["report"]
    MadeUp(table3.spec).finish(job)
    assert has_expected_key(job)
    reporting.report(table3)
    assert not job.manifest.exists()


def test_the_crate_too(table3: Graph, repo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Snakefile", "CITATION.cff", "workflow"):
        (table3.spec.root / name).symlink_to(repo_root / name)
    reporting.crate(table3)
    assert "crate: partial, " in capsys.readouterr().err
    assert (table3.layout.base / "ro-crate-metadata.json").is_file()


def test_a_table_is_not_made_of_half_of_its_runs(table3: Graph) -> None:
    with pytest.raises(UserError, match=r"table1 reads runs/.*missing"):
        reporting.table(table3, "table1")
