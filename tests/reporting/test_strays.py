"""Folders of results that the present declaration does not know."""

import pytest

from exfuse.reporting.report import write_report
from exfuse.reporting.strays import strays


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("backbones/resnet18", "no backbone of params/backbones.yaml is called resnet18: declare it, or move"),
        ("runs/ss-old", "no run of params/runs.yaml is called ss-old: declare it, or move"),
        ("runs/ss/seed7", "the preset asks for 1 seed: raise `seeds`, or move"),
        ("runs/ss/notes", "in a run lie seed0, seed1 …, and notes is none: move the folder away"),
        ("runs/ss/seed0.bak", "in a run lie seed0, seed1 …, and seed0.bak is none: move the folder away"),
        ("runs/ss/seed0/coco", "ss has no stage coco: declare it in params/runs.yaml, or move"),
    ],
)
def test_each_is_listed_with_what_to_do(results, path, what):
    results.run("ss", 0.4)
    assert strays(results.graph) == []
    (results.graph.layout.base / path / "inside").mkdir(parents=True)
    (found,) = strays(results.graph)
    assert found.path == f"results/mini/{path}"
    assert found.what.startswith(what)
    write_report(results.graph)
    assert f"<code>results/mini/{path}</code>" in results.graph.layout.report.read_text()


def test_hidden_folders_and_files_are_no_strays(results):
    results.run("ss", 0.4)
    base = results.graph.layout.base / "runs"
    (base / ".ss.partial").mkdir()
    (base / "notes.txt").write_text("mine")
    assert strays(results.graph) == []
