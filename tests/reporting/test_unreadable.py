"""Folders and files that nobody may look into: what they hold is told as absent or unreadable, never an exception."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exfuse.files import write_bytes
from exfuse.reporting import embedded, lineage
from exfuse.reporting.charts import learning_curves
from exfuse.reporting.report import write_report
from exfuse.spec.graph import Graph

Forbid = Callable[[Path], None]


@pytest.fixture
def graph(results) -> Graph:
    results.everything()
    return results.graph


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Forbid:
    """Makes a folder one of mode 0, or a file: for root, whom no mode holds back, by what the system would answer."""

    def apply(place: Path) -> None:
        def refusing(call, of_place):
            def answer(path, *args, **kwargs):
                inside = isinstance(path, str | Path) and (place in Path(path).parents or of_place(Path(path)))
                if inside:
                    raise PermissionError(13, "Permission denied", str(path))
                return call(path, *args, **kwargs)

            return answer

        monkeypatch.setattr(os, "stat", refusing(os.stat, lambda path: False))
        for module, name in ((io, "open"), (os, "listdir"), (os, "scandir")):
            monkeypatch.setattr(module, name, refusing(getattr(module, name), lambda path: path == place))

    return apply


@pytest.mark.parametrize("folder", ["runs", "backbones", "figures", "models", "logs", "report", "tables"])
def test_a_folder_that_nobody_may_look_into_is_not_in_the_way_of_what_the_page_reads(graph, forbid, folder):
    forbid(graph.layout.base / folder)
    records = lineage.all_records(graph)
    assert {one.state for one in records if one.job.name.startswith(f"{folder}/")} <= {"missing"}
    assert all(lineage.log_end(graph, one) == "" for one in records)
    assert all(lineage.log_file(graph, one) == "" for one in records)
    assert [file for one in records for file in one.files] or folder == "runs"
    notes = learning_curves.chart(graph).notes
    assert any(note.startswith("exfuse: missing") for note in notes) == (folder == "runs")
    assert all(figure.problem.startswith("missing") for figure in embedded.page_figures(graph))
    assert all(chart.problem.startswith("missing") for chart in embedded.page_charts(graph))


def test_a_figure_that_nobody_may_read_is_told(graph, forbid):
    place = graph.layout.figure("figure2")
    write_bytes(place, b"<svg/>")
    assert {one.name for one in embedded.page_figures(graph) if one.source} == {"figure2"}
    forbid(place)
    (figure,) = (one for one in embedded.page_figures(graph) if one.name == "figure2")
    assert (figure.source, figure.problem) == ("", "unreadable: results/mini/figures/figure2.svg cannot be read")


@pytest.mark.parametrize("folder", ["runs", "backbones", "figures", "models", "claims.csv", "plan.json"])
def test_the_page_is_written_all_the_same(graph, forbid, folder):
    forbid(graph.layout.base / folder)
    write_report(graph)
    assert 'id="run-exfuse"' in graph.layout.report.read_text()
