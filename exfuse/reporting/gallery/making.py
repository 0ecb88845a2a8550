"""Writes ``gallery.json``: what there is of the chosen images, and what is in the way of the rest."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import IGNORE_INDEX, ClassMap, voc_palette
from exfuse.errors import UserError
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.files import read_csv, write_json
from exfuse.reporting.damage import CUT
from exfuse.reporting.evaluations import measure_jobs, shown_path
from exfuse.reporting.gallery.choice import Chosen, choose
from exfuse.reporting.gallery.content import Gallery, PaletteClass, Picture
from exfuse.reporting.gallery.pictures import (
    JPEG_QUALITY,
    LONGEST_SIDE,
    Labels,
    mask_url,
    photograph_url,
    read_labels,
    read_photograph,
)
from exfuse.reporting.gallery.scores import ImageScores, class_scores, read_scores
from exfuse.spec.graph import Graph, figure7_runs
from exfuse.spec.paper import Measure
from exfuse.spec.spec import Spec


@dataclass(frozen=True)
class _Side:
    """One of the two models: its field's name, its run and its scores."""

    name: str
    run: str
    scores: ImageScores


def write_gallery(graph: Graph) -> None:
    """Writes ``gallery.json``.

    Raises:
        UserError: the folder cannot be written.
    """
    write_json(graph.layout.gallery, make(graph).model_dump(mode="json"))


def make(graph: Graph) -> Gallery:
    """The chosen images; a file that is absent or cut is told in its place."""
    runs = figure7_runs(graph.spec)
    gcn, exfuse = (_Side(n, r, read_scores(graph, r)) for n, r in zip(("gcn", "exfuse"), runs, strict=True))
    problems = [side.scores.problem for side in (gcn, exfuse) if side.scores.problem]
    try:
        lines = {line["id"]: line for line in read_csv(graph.layout.set("val"))}
    except (UserError, KeyError):
        lines = {}
        problems.append(f"{shown_path(graph, graph.layout.set('val'))} is missing or cannot be read")
    problems += _unlike(gcn, exfuse)
    chosen = choose(exfuse.scores.with_objects, gcn.scores.with_objects)
    return Gallery(
        gcn=gcn.run,
        exfuse=exfuse.run,
        scored=len(exfuse.scores.with_objects),
        without_objects=len(exfuse.scores.confusions) - len(exfuse.scores.with_objects),
        longest_side=LONGEST_SIDE,
        jpeg_quality=JPEG_QUALITY,
        palette=_palette(graph.spec),
        pictures=tuple(_picture(graph, one, lines.get(one.id), (gcn, exfuse)) for one in chosen),
        problems=tuple(problems),
    )


def _unlike(gcn: _Side, exfuse: _Side) -> list[str]:
    """Images that one evaluation holds and the other does not, where there are two."""
    if not gcn.scores.confusions or not exfuse.scores.confusions:
        return []
    only = {
        side.run: len(side.scores.confusions.keys() - other.scores.confusions.keys())
        for side, other in ((gcn, exfuse), (exfuse, gcn))
    }
    return [f"images that were scored with {run} alone: {count}" for run, count in only.items() if count]


def _palette(spec: Spec) -> tuple[PaletteClass, ...]:
    colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3).tolist()
    labels = [*((name, spec.all_classes.index(name)) for name in spec.classes), ("void", IGNORE_INDEX)]
    return tuple(PaletteClass(name=name, label=label, colour=tuple(colours[label])) for name, label in labels)


def _picture(graph: Graph, chosen: Chosen, line: Mapping[str, str] | None, sides: tuple[_Side, _Side]) -> Picture:
    """One image with its masks."""
    classes = ClassMap(graph.spec.classes[1:], graph.spec.all_classes)
    photograph, truth, problems = _seen(graph, line, classes)
    size = photograph.size if photograph is not None else truth.shape[::-1] if truth is not None else (None, None)
    masks: dict[str, str | None] = {}
    for side in sides:
        mask, problem = _prediction(graph, side, chosen.id, truth, classes, size)
        masks[side.name] = None if mask is None else mask_url(classes.to_masks[mask])
        if problem:
            problems[f"{side.name}_mask"] = problem
    scores = {side.name: side.scores.with_objects.get(chosen.id) for side in sides}
    gcn, exfuse = (side.scores.confusions.get(chosen.id) for side in sides)
    labels = tuple(int(label) for label in classes.to_masks[: classes.num_classes])
    return Picture(
        id=chosen.id,
        rule=chosen.rule,
        rank=chosen.rank,
        width=size[0],
        height=size[1],
        gcn=scores["gcn"],
        exfuse=scores["exfuse"],
        classes=class_scores(labels, gcn, exfuse),
        photograph=None if photograph is None else photograph_url(photograph),
        truth=None if truth is None else mask_url(classes.to_masks[truth]),
        gcn_mask=masks["gcn"],
        exfuse_mask=masks["exfuse"],
        problems=problems,
    )


def _seen(
    graph: Graph, line: Mapping[str, str] | None, classes: ClassMap
) -> tuple[Image.Image | None, Labels | None, dict[str, str]]:
    """A photograph, its ground truth (training labels), and what is in the way of either."""
    photograph = truth = None
    problems: dict[str, str] = {}
    try:
        photograph = read_photograph(_file(graph, line, "image"))
    except CUT as error:
        problems["photograph"] = f"missing: {error}"
    try:
        truth = classes.table[read_labels(_file(graph, line, "mask"))]
    except CUT as error:
        problems["truth"] = f"missing: {error}"
    if photograph is not None and truth is not None and photograph.size != truth.shape[::-1]:
        problems["truth"], truth = "the mask has another size than the photograph", None
    return photograph, truth, problems


def _file(graph: Graph, line: Mapping[str, str] | None, kind: str) -> Path:
    if line is None or not line.get(kind):
        raise OSError("the set of validation images does not list it")
    return graph.layout.data / line[kind]


def _prediction(
    graph: Graph, side: _Side, name: str, truth: Labels | None, classes: ClassMap, size: tuple[int | None, int | None]
) -> tuple[Labels | None, str]:
    """The labels that a model gave an image (training labels), and what is wrong with them."""
    jobs = measure_jobs(graph, Measure(run=side.run))
    if not jobs or not side.scores.fresh:
        return None, side.scores.problem
    source = jobs[0].manifest.with_name("predictions.zip")
    try:
        with zipfile.ZipFile(source) as archive:
            labels = classes.table[read_labels(io.BytesIO(archive.read(f"{name}.png")))]
    except CUT:
        return None, f"missing: {shown_path(graph, source)} does not hold it, or cannot be read"
    if size[0] is not None and labels.shape[::-1] != size:
        return None, "the prediction has another size than the image"
    counted = side.scores.confusions.get(name)
    if truth is not None and counted is not None and not _agrees(labels, truth, counted):
        return labels, "this is not the prediction that was scored: pixels and counts disagree"
    return labels, ""


def _agrees(labels: Labels, truth: Labels, counted: NDArray[np.int32]) -> bool:
    """Whether counting a prediction's pixels again gives what the evaluation kept."""
    if (labels == IGNORE_INDEX).any():
        return False
    return bool((confusion_matrix(labels, truth, len(counted)) == counted).all())
