"""What the weights of a job say of themselves."""

from pathlib import Path

import pytest

from exfuse.commands.describe import classifier_info, segmenter_info
from exfuse.spec.graph import Graph
from exfuse.spec.load import load

REARRANGED = {"resnext101-ss-lr", "resnext131-ss"}
"""By Section 3.1 and 4: {8, 8, 9, 8} and {8, 8, 19, 8}."""


@pytest.fixture(scope="module")
def graph(repo_root: Path) -> Graph:
    """Of `smoke`, whose backbones have other numbers of blocks than the paper's."""
    return Graph(load(repo_root, "smoke"))


def test_backbones_say_whether_they_are_rearranged(graph: Graph) -> None:
    infos = {
        name: classifier_info(graph, graph.jobs[f"backbones/{name}"], name, 4, None) for name in graph.spec.backbones
    }
    assert {name for name, info in infos.items() if info.rearranged} == REARRANGED
    assert {info.rearranged for info in infos.values()} == {True, False}


@pytest.mark.parametrize(
    ("run", "stage", "rearranged"),
    [("exfuse", "trainaug", True), ("ss", "trainaug", False), ("exfuse-resnext131-test", "trainval", True)],
)
def test_segmenters_say_it_of_the_backbone_that_they_start_from(
    graph: Graph, run: str, stage: str, rearranged: bool
) -> None:
    job = graph.jobs[f"runs/{run}/seed0/{stage}"]
    assert segmenter_info(graph, job, run, stage, None).rearranged is rearranged  # type: ignore[arg-type]
