"""What the weights of a job say of themselves: the words that go into their file."""

from collections.abc import Mapping
from typing import Any

from exfuse import provenance
from exfuse.data.labels import ClassMap
from exfuse.spec.graph import Graph, Job
from exfuse.spec.settings import StageName
from exfuse.spec.weights import ClassifierInfo, Origin, Scores, SegmenterInfo


def segmenter_info(graph: Graph, job: Job, run: str, stage: StageName, scores: Scores | None) -> SegmenterInfo:
    """Of a stage of a run."""
    spec = graph.spec
    class_map = ClassMap(spec.classes[1:], spec.all_classes)
    return SegmenterInfo(
        title=spec.runs[run].title,
        model=spec.model(run),
        classes=class_map.names,
        labels=tuple(map(int, class_map.to_masks[: class_map.num_classes])),
        merged=tuple(label for label in range(1, class_map.num_labels) if class_map.table[label] == 0),
        size=spec.fine_tuning(run, stage).crop_size,
        normalization=spec.normalization(spec.backbone_name(run)),
        scores=scores,
        rearranged=spec.backbones[spec.backbone_name(run)].rearranged,
        origin=_origin(graph, job),
    )


def classifier_info(graph: Graph, job: Job, name: str, num_classes: int, top1_error: float | None) -> ClassifierInfo:
    """Of a backbone."""
    return ClassifierInfo(
        title=graph.spec.backbones[name].title,
        backbone=graph.spec.backbone(name),
        num_classes=num_classes,
        normalization=graph.spec.normalization(name),
        top1_error=top1_error,
        rearranged=graph.spec.backbones[name].rearranged,
        origin=_origin(graph, job),
    )


def val_scores(graph: Graph, plain: Mapping[str, Any], flipped: Mapping[str, Any]) -> Scores:
    """From the contents of ``val.json`` and ``val-flip.json``."""
    return Scores(
        on=graph.spec.val_name,
        images=plain["images"],
        miou=plain["miou"],
        miou_flip=flipped["miou"],
        iou=plain["iou"],
        boundary_width=graph.spec.preset.evaluation.boundary_width,
    )


def _origin(graph: Graph, job: Job) -> Origin:
    return Origin(
        job=job.name,
        key=job.key,
        upstream={name: graph.jobs[name].key for name in job.upstream},
        preset=graph.spec.preset.name,
        data=graph.spec.folder.title,
        caveat=graph.spec.caveat,
        code=provenance.code_version(),
        libraries=provenance.library_versions(),
        settings=dict(job.settings),
    )
