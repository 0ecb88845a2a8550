"""Figure 7: image, truth, GCN and ExFuse in VOC's palette, for images that a rule chose before anyone looked."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import IGNORE_INDEX, voc_palette
from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.reporting.damage import CUT
from exfuse.reporting.drawing import FAINT, MUTED, new_figure, say
from exfuse.reporting.evaluations import evaluate, measure_jobs, read_fresh, shown_path, unequal_steps
from exfuse.spec.graph import Graph, figure7_runs, stands_in
from exfuse.spec.paper import Measure
from exfuse.spec.spec import Spec

IMAGES = 4
OBJECTS = 2
LARGEST_SIDE = 400
"""Pixels; photographs are shown no larger, so that the file stays small."""
NAMES = ("GCN", "ExFuse")

Line = dict[str, str]
Pixels = NDArray[np.uint8]


def caption(graph: Graph) -> str:
    """What the figure shows and how its images were chosen."""
    runs = figure7_runs(graph.spec)
    titles = " and ".join(graph.spec.runs[run].title for run in runs)
    steps = unequal_steps(graph, [Measure(run=run) for run in runs])
    stand_in = "The paper shows models trained with COCO; those of Table 3 stand in here. " if stands_in(graph) else ""
    return (
        f"{stand_in}Image, ground truth, and the predictions of {titles} (seed 0, not flipped), in VOC's palette. The "
        f"images are the first {IMAGES} of {graph.spec.val_name}, in the order of their ids, whose ground truth holds "
        f"at least {OBJECTS} of the preset's object classes (then, should there be fewer, the first that hold one); no "
        "prediction had a say." + (f" Steps of stage trainaug differ: {steps}." if steps else "")
    )


def alternative(graph: Graph) -> str:
    """The figure in words."""
    scores = [f"{name} {score}" for name, score in zip(NAMES, _scores(graph), strict=True)]
    what = f"{IMAGES} validation images, each with its ground truth and two predictions"
    return f"{what}: {', '.join(scores)} on all of {graph.spec.val_name}."


def draw(graph: Graph) -> Figure:
    """The figure; a run or an image that is not there is said in its place."""
    try:
        lines = choose(read_csv(graph.layout.set("val")), graph.spec)
    except UserError:
        lines = []
    if not lines:
        figure = new_figure(7.4, 1.6)
        say(figure.subplots(), f"missing: {shown_path(graph, graph.layout.set('val'))}", 80)
        return figure
    shapes = [int(line["height"]) / int(line["width"]) for line in lines]
    figure = new_figure(7.4, 1.82 * sum(shapes) + 0.85)
    grid = figure.subplots(len(lines), 2 + len(figure7_runs(graph.spec)), squeeze=False, height_ratios=shapes)
    shown: set[int] = set()
    for axes, line in zip(grid, lines, strict=True):
        shown |= _draw_image(graph, list(axes[:2]), line)
    for column, run in enumerate(figure7_runs(graph.spec), start=2):
        shown |= _draw_run(graph, run, list(grid[:, column]), lines)
    for axes, title in zip(grid[0], _titles(graph), strict=True):
        axes.set_title(title, linespacing=1.4, pad=6)
    _legend(figure, graph.spec, shown)
    return figure


def choose(lines: Sequence[Line], spec: Spec) -> list[Line]:
    """The first images by id that hold several kept classes, then, if those are too few, the first that hold one."""
    kept = {str(label) for label in _kept(spec)}
    by_id = sorted(lines, key=lambda line: line["id"])
    counts = [len(kept & set(line["classes"].split())) for line in by_id]
    several = [line for line, count in zip(by_id, counts, strict=True) if count >= OBJECTS]
    one = [line for line, count in zip(by_id, counts, strict=True) if 0 < count < OBJECTS]
    return [*several, *one][:IMAGES]


def restrict(labels: Pixels, spec: Spec) -> Pixels:
    """The masks' labels with the classes that the preset does not keep as background; void stays."""
    known = np.isin(labels, [*_kept(spec), IGNORE_INDEX])
    return np.where(known, labels, 0).astype(np.uint8)


def _kept(spec: Spec) -> list[int]:
    return [spec.all_classes.index(name) for name in spec.classes[1:]]


def _titles(graph: Graph) -> list[str]:
    runs = [f"{name}\n{score}" for name, score in zip(NAMES, _scores(graph), strict=True)]
    return ["Image", "Ground truth", *runs]


def _scores(graph: Graph) -> list[str]:
    found = [evaluate(graph, Measure(run=run)) for run in figure7_runs(graph.spec)]
    return [one.status if one.mean is None else f"mIoU {one.mean:.1f}%" for one in found]


def _draw_image(graph: Graph, axes: Sequence[Axes], line: Line) -> set[int]:
    picture, truth = axes
    try:
        photograph = Image.open(graph.layout.data / line["image"]).convert("RGB")
        labels = restrict(_labels(graph.layout.data / line["mask"]), graph.spec)
    except OSError:
        for place in axes:
            say(place, f"missing: {line['id']}")
        return set()
    photograph.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    _show(picture, np.asarray(photograph))
    picture.set_ylabel(line["id"], fontsize=6.5, color=MUTED)
    return _show_labels(truth, labels)


def _draw_run(graph: Graph, run: str, column: Sequence[Axes], lines: Sequence[Line]) -> set[int]:
    measure = Measure(run=run)
    jobs = measure_jobs(graph, measure)
    if not jobs or read_fresh(graph, jobs[0].manifest.with_name("val.json"), jobs[0]) is None:
        for axes in column:
            say(axes, evaluate(graph, measure).status)
        return set()
    shown: set[int] = set()
    for axes, line in zip(column, lines, strict=True):
        try:
            with zipfile.ZipFile(jobs[0].manifest.with_name("predictions.zip")) as archive:
                content = archive.read(f"{line['id']}.png")
            shown |= _show_labels(axes, _labels(io.BytesIO(content)))
        except CUT:
            say(axes, f"missing: prediction of {line['id']}")
    return shown


def _labels(source: Path | io.BytesIO) -> Pixels:
    """The indices of a palette PNG, never its colours."""
    with Image.open(source) as image:
        if image.mode not in ("P", "L"):
            raise OSError(f"a mask of mode {image.mode}")
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.NEAREST)
        return np.asarray(image, dtype=np.uint8)


def _show_labels(axes: Axes, labels: Pixels) -> set[int]:
    colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3)
    _show(axes, colours[labels])
    return set(np.unique(labels).tolist())


def _show(axes: Axes, pixels: Pixels) -> None:
    axes.imshow(pixels, interpolation="nearest" if max(pixels.shape) < LARGEST_SIDE else "antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(figure: Figure, spec: Spec, shown: set[int]) -> None:
    colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3) / 255
    names = {**dict(enumerate(spec.all_classes)), IGNORE_INDEX: "void"}
    patches = [
        Patch(facecolor=tuple(colours[label]), edgecolor=FAINT, label=names[label])
        for label in sorted(shown & set(names))
    ]
    if patches:
        figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), 7), handlelength=1.1)
