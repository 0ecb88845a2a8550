"""Jobs that look into the networks: what they are made of (Figures 2–6), cost, and what they carry (Figure 1)."""

from typing import TYPE_CHECKING, Any

from exfuse.spec.base import plain
from exfuse.spec.paper import Measure
from exfuse.spec.spec import Spec

if TYPE_CHECKING:
    from exfuse.spec.graph.graph import Graph

BASELINE, EXFUSE = "gcn-resnext101", "exfuse"
"""The runs of Table 3 #1 and #7: what Figures 1–6 show."""
PROBED_RUNS = (BASELINE, EXFUSE)
PROBED_GRID = 4
"""Pixels to a side of the blocks that all probes are asked about: the stride of level 1."""
LEAST_CELLS = 30
"""Blocks of a class that are scored, with fewer of which it is left out of the mean."""
IMAGENET_CLASSES = 1000
GENERATED_IMAGENET_CLASSES = 12
"""Of the archives that the project makes itself: ``exfuse.data.mini.vocabulary.IN_IMAGENET``, held equal by a test."""


def add_jobs(graph: "Graph") -> None:
    """One job that traces ExFuse, one that counts what all networks cost, one that probes the two of Figure 1."""
    _add_architecture(graph)
    _add_costs(graph)
    if probed := probed_runs(graph):
        _add_probes(graph, probed)


def probed_runs(graph: "Graph") -> dict[str, str]:
    """Of the runs that Figure 1 compares those that the preset makes, with the job that trains the first seed."""
    made = [run for run in PROBED_RUNS if graph.spec.why_no_run(run) is None and graph.measure_jobs(Measure(run=run))]
    return {run: graph.last_stage(run, 0) for run in made}


def pretraining_classes(spec: Spec) -> int:
    """Classes of the preset's ImageNet: those that its folder declares, those of the made-up one, or 1000."""
    if spec.folder.generated is not None:
        return GENERATED_IMAGENET_CLASSES
    return spec.folder.counts.get("imagenet", {}).get("classes", IMAGENET_CLASSES)


def _add_architecture(graph: "Graph") -> None:
    """The segmenter of ExFuse beside that of the baseline, and the classifier that pretrains its backbone."""
    spec = graph.spec
    settings = {
        "model": plain(spec.model(EXFUSE)),
        "baseline": plain(spec.model(BASELINE)),
        "pretraining_classes": pretraining_classes(spec),
        **_sizes(graph),
    }
    file = graph.layout.architecture
    graph.add("models/architecture", file.with_suffix(".manifest.json"), (file,), (), settings)


def _add_costs(graph: "Graph") -> None:
    """Parameters and operations of all networks; a job of its own, since Figures 2–6 need ExFuse alone."""
    spec = graph.spec
    settings = {
        "backbones": {name: plain(spec.backbone(name)) for name in spec.backbones},
        "runs": {name: plain(spec.model(name)) for name in spec.runs},
        **_sizes(graph),
    }
    file = graph.layout.costs
    graph.add("models/costs", file.with_suffix(".manifest.json"), (file,), (), settings)


def _sizes(graph: "Graph") -> dict[str, int]:
    """Sides of the images in pixels."""
    preset = graph.spec.preset
    return {
        "segmentation_size": preset.fine_tuning.trainaug.crop_size,
        "classification_size": preset.pretraining.crop_size,
    }


def _add_probes(graph: "Graph", probed: dict[str, str]) -> None:
    spec = graph.spec
    settings: dict[str, Any] = {
        "runs": list(probed),
        "probes": plain(spec.preset.probes),
        "grid": PROBED_GRID,
        "least_cells": LEAST_CELLS,
        "classes": list(spec.classes),
    }
    upstream = (*probed.values(), "data/sets/trainaug", "data/sets/val")
    file = graph.layout.probes
    graph.add("models/probes", file.with_suffix(".manifest.json"), (file,), upstream, settings)
