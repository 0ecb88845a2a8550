"""Jobs that train: backbones, the stages of runs, and what is scored with their weights."""

from typing import TYPE_CHECKING, Any

from exfuse.errors import UserError
from exfuse.spec.base import plain

if TYPE_CHECKING:
    from exfuse.spec.graph.graph import Graph


def add_jobs(graph: "Graph") -> None:
    """A job a backbone, and for each seed of a run a job a stage and one that scores it."""
    spec = graph.spec
    for name in spec.backbones:
        if spec.why_no_backbone(name) is None:
            _add_backbone(graph, name)
    for name in spec.runs:
        if spec.why_no_run(name) is None:
            for seed in range(spec.preset.seeds):
                _add_run(graph, name, seed)


def _add_backbone(graph: "Graph", name: str) -> None:
    target = graph.layout.backbone(name)
    preset = graph.spec.preset
    settings: dict[str, Any] = {
        "architecture": plain(graph.spec.backbone(name)),
        "normalization": _normalization(graph, name),
    }
    upstream: tuple[str, ...] = ()
    outputs = ["weights.safetensors", "metrics.json", "history.csv", "predictions.npz"]
    if preset.backbone_weights == "public":
        settings["public_weights"] = graph.spec.backbones[name].public_weights
    elif preset.backbone_weights == "random":
        settings["untrained"] = True
    elif (file := graph.spec.weights_file(name)) is not None:
        settings["weights"] = graph.digests.of(file)
    else:
        upstream = ("data/imagenet",)
        settings |= {
            "pretraining": plain(preset.pretraining),
            "threads": preset.hardware.threads,
            "precision": preset.hardware.precision,
        }
    graph.add(
        f"backbones/{name}", target / "manifest.json", tuple(target / file for file in outputs), upstream, settings
    )


def _normalization(graph: "Graph", backbone: str) -> Any:
    """What a backbone's images are normalised with; none where a folder's weights do not tell, which their job says."""
    try:
        return plain(graph.spec.normalization(backbone))
    except UserError:
        return None


def _add_run(graph: "Graph", name: str, seed: int) -> None:
    run, preset = graph.spec.runs[name], graph.spec.preset
    before = graph.last_stage(run.extends, seed) if run.extends else f"backbones/{run.backbone}"
    for stage in run.stages:
        target = graph.layout.stage(name, seed, stage)
        job = f"runs/{name}/seed{seed}/{stage}"
        settings = {
            "model": plain(graph.spec.model(name)),
            "classes": list(graph.spec.classes),
            "fine_tuning": plain(graph.spec.fine_tuning(name, stage)),
            "normalization": graph.jobs[f"backbones/{graph.spec.backbone_name(name)}"].settings["normalization"],
            "threads": preset.hardware.threads,
            "precision": preset.hardware.precision,
            "seed": seed,
        }
        outputs = (target / "weights.safetensors", target / "history.csv")
        scored = f"data/sets/{run.evaluated_on}" in graph.jobs
        after = (f"data/sets/{run.evaluated_on}",) if scored and stage == run.stages[-1] else ()
        graph.add(job, target / "manifest.json", outputs, (before, f"data/sets/{stage}"), settings, after)
        before = job
    if run.evaluated_on == "val":
        _add_evaluation(graph, name, seed)
    elif "data/sets/test" in graph.jobs:
        _add_submission(graph, name, seed)


def _add_evaluation(graph: "Graph", name: str, seed: int) -> None:
    stage = graph.spec.chain(name)[-1].stage
    target = graph.layout.stage(name, seed, stage)
    outputs = ("val.json", "val-flip.json", "metrics.json", "confusions.npz", "predictions.zip")
    graph.add(
        f"runs/{name}/seed{seed}/{stage}/val",
        target / "val.manifest.json",
        tuple(target / file for file in outputs),
        (f"runs/{name}/seed{seed}/{stage}", "data/sets/val"),
        {"evaluation": plain(graph.spec.preset.evaluation), "seed": seed},
    )


def _add_submission(graph: "Graph", name: str, seed: int) -> None:
    stage = graph.spec.chain(name)[-1].stage
    target = graph.layout.stage(name, seed, stage)
    graph.add(
        f"runs/{name}/seed{seed}/{stage}/test",
        target / "test.manifest.json",
        (target / "submission.tar.gz",),
        (f"runs/{name}/seed{seed}/{stage}", "data/sets/test"),
        {"flip": True, "seed": seed},
    )
