"""Which classes are taken for which: confusion matrices of GCN and ExFuse, and what ExFuse changes."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError
from exfuse.evaluation.results import read_confusions, total
from exfuse.reporting.charts.chart import (
    SCHEMA,
    WIDTH,
    Chart,
    Panels,
    Spec,
    Table,
    absences,
    jobs,
    number,
    plain,
    signed,
    words,
)
from exfuse.reporting.charts.per_class import ablation_runs
from exfuse.reporting.evaluations import altered, shown_path
from exfuse.spec.graph import Graph

CLASSES = 40
"""As many as a picture can hold; those with the most pixels."""
LISTED = 0.5
"""Percent: pairs of classes that neither network confuses this often are left out of the table."""
LABELS = 86
"""Pixels for the names of classes."""
NOTHING = "Neither GCN nor ExFuse was evaluated."
TITLES = {"baseline": "GCN", "best": "ExFuse", "change": "ExFuse − GCN"}

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """A run's confusion matrix.

    Attributes:
        counts: pixels (C, C) of all its seeds, rows truth, columns prediction; none where there is no file.
        seeds: that it is of.
        problems: what is in the way of others.
    """

    counts: NDArray[np.int64] | None
    seeds: tuple[int, ...]
    problems: tuple[str, ...]

    @property
    def shares(self) -> Matrix:
        """(C, C) percent of each true class's pixels; NaN for a class without ground truth."""
        assert self.counts is not None
        of_class = self.counts.sum(axis=1, keepdims=True)
        return np.where(of_class > 0, 100.0 * self.counts / np.maximum(of_class, 1), np.nan)


def read(graph: Graph, run: str, wanted: Collection[int]) -> Confusion:
    """The matrix of a run, not flipped, summed over images and some seeds; one file is held at a time."""
    counts: NDArray[np.int64] | None = None
    seeds, problems = [], []
    side = len(graph.spec.classes)
    for seed, job in jobs(graph, run).items():
        if seed not in wanted:
            problems.append(f"{run}, seed {seed}: the other network lacks it")
            continue
        source = job.manifest.with_name("confusions.npz")
        try:
            plain = next(one for one in read_confusions(source) if not one.flip)
            matrix = total(plain.confusion)
        except (UserError, StopIteration, TypeError, ValueError):
            problems.append(f"{run}, seed {seed}: {shown_path(graph, source)} is not there or cannot be read")
            continue
        if matrix.shape != (side, side):
            problems.append(f"{run}, seed {seed}: {shown_path(graph, source)} is not of the preset's {side} classes")
            continue
        if problem := altered(graph, job, source):
            problems.append(f"{run}, seed {seed}: {problem}")
            continue
        counts = matrix if counts is None else counts + matrix
        seeds.append(seed)
    return Confusion(counts, tuple(seeds), tuple(problems))


def chart(graph: Graph) -> Chart:
    """Two matrices and their difference, as far as there are evaluations."""
    runs = list(ablation_runs(graph).values())
    ends = {"baseline": runs[0], "best": runs[-1]}
    ours, theirs = (set(jobs(graph, run)) for run in ends.values())
    wanted = ours & theirs or ours | theirs  # a difference is one of equal seeds
    found = {side: read(graph, run, wanted) for side, run in ends.items()}
    shares = {side: one.shares for side, one in found.items() if one.counts is not None}
    if len(shares) == 2:
        shares["change"] = shares["best"] - shares["baseline"]
    kept = _kept([one.counts for one in found.values() if one.counts is not None], len(graph.spec.classes))
    panels = Panels(count=len(shares), most=3, least=200, outer=6, gap=LABELS + 22, square=True)
    few = "" if len(kept) == len(graph.spec.classes) else f" The {CLASSES} classes with the most pixels are shown."
    seeds = "; ".join(f"{TITLES[side]} {len(one.seeds)}" for side, one in found.items())
    return Chart(
        spec=_spec(graph.spec.classes, kept, shares, panels) if shares else words(NOTHING),
        caption=(
            f"Of the pixels of each true class (rows) of {graph.spec.val_name}, the percentage that was given each "
            "class (columns): GCN and ExFuse as in Table 3, not flipped, pixels of all seeds together (seeds: "
            f"{seeds}). The stronger the colour, the larger the share. In the third matrix it is as strong as the "
            "change, in percentage points: a blue field was chosen more often by ExFuse, an orange one, marked by a "
            f"stroke, less often.{few}"
        ),
        alternative=_alternative(graph.spec.classes, shares),
        table=_table(graph.spec.classes, shares),
        notes=(*absences(graph, ends.values()), *(problem for one in found.values() for problem in one.problems)),
        panels=panels if shares else None,
    )


def _kept(counts: list[NDArray[np.int64]], classes: int) -> list[int]:
    """Classes that are shown: those with the most ground truth, in their own order."""
    if not counts:
        return []
    pixels = np.sum([one.sum(axis=1) for one in counts], axis=0)
    return sorted(np.argsort(-pixels, kind="stable")[: min(CLASSES, classes)].tolist())


def _spec(classes: tuple[str, ...], kept: list[int], shares: dict[str, Matrix], panels: Panels) -> Spec:
    columns, width = panels.fit(1.6 * WIDTH)
    names = [classes[label] for label in kept]
    return {
        "$schema": SCHEMA,
        "params": [{"name": "names", "value": names}],
        "columns": columns,
        "concat": [_matrix(side, kept, shares[side], width) for side in TITLES if side in shares],
        "resolve": {"scale": {"opacity": "independent", "color": "independent"}},
        "spacing": {"row": 16, "column": 12},
    }


def _matrix(side: str, kept: list[int], shares: Matrix, width: int) -> Spec:
    values = [
        {"truth": place, "prediction": other, "share": plain(float(shares[row, column]))}
        for place, row in enumerate(kept)
        for other, column in enumerate(kept)
        if not np.isnan(shares[row, column])
    ]
    largest = max((abs(value["share"]) for value in values), default=1.0)
    # Places are numbers and labels come by them: two classes may bear one name.
    axis: Spec = {"ticks": False, "domain": False, "labelLimit": LABELS - 8, "labelExpr": "names[datum.value]"}
    truth = {"field": "truth", "type": "ordinal", "title": "true class", "axis": {**axis, "minExtent": LABELS}}
    given = {"field": "prediction", "type": "ordinal", "title": "given class", "axis": {**axis, "labelAngle": -90}}
    shown = "change" if side == "change" else "share"
    form = "+.2f" if side == "change" else ".2f"
    strongest = (largest or 1.0) if side == "change" else 100.0  # equal shades are equal shares in both networks
    strength = {"type": "sqrt", "domain": [0, strongest], "range": [0.02, 1]}
    tooltip = [
        {"field": "of", "title": "true class"},
        {"field": "as", "title": "given class"},
        {"field": "share", "title": f"{shown}, %", "format": form},
    ]
    cells: Spec = {
        "mark": {"type": "rect"},
        "encoding": {
            "y": truth,
            "x": given,
            "color": {"field": "sign", "type": "nominal", "scale": {"domain": ["more", "less"]}, "legend": None},
            "opacity": {"field": "size", "type": "quantitative", "scale": strength, "legend": None},
            "tooltip": tooltip,
        },
    }
    strokes: Spec = {
        "transform": [{"filter": f"datum.sign === 'less' && datum.size > {largest / 20!r}"}],
        "mark": {"type": "text", "text": "−", "style": "name", "fontSize": 12},
        "encoding": {"y": truth, "x": given, "tooltip": tooltip},
    }
    return {
        "title": TITLES[side],
        "width": width,
        "height": width,
        "data": {"values": values},
        "transform": [
            {"calculate": "names[datum.truth]", "as": "of"},
            {"calculate": "names[datum.prediction]", "as": "as"},
            {"calculate": "abs(datum.share)", "as": "size"},
            {"calculate": "datum.share < 0 ? 'less' : 'more'", "as": "sign"},
        ],
        "layer": [cells, strokes] if side == "change" else [cells],
    }


def _alternative(classes: tuple[str, ...], shares: dict[str, Matrix]) -> str:
    sentences = [f"Confusion matrices of {len(classes)} classes."]
    for side in ("baseline", "best"):
        if side in shares:
            right = np.nanmean(np.diagonal(shares[side]))
            sentences.append(f"{TITLES[side]} finds {right:.1f}% of a class's pixels, averaged over classes.")
    if "change" in shares and not np.all(np.isnan(shares["change"])):
        apart = np.where(np.isnan(shares["change"]), 0.0, shares["change"])
        np.fill_diagonal(apart, 0.0)
        row, column = np.unravel_index(np.argmax(np.abs(apart)), apart.shape)
        sentences.append(
            f"The largest change of a confusion: {classes[row]} taken for {classes[column]}, "
            f"{signed(float(apart[row, column]))} points."
        )
    return " ".join(sentences)


def _table(classes: tuple[str, ...], shares: dict[str, Matrix]) -> Table:
    sides = [side for side in TITLES if side in shares]
    rows: list[tuple[str, ...]] = []
    for row, truth in enumerate(classes):
        for column, given in enumerate(classes):
            values = {side: float(shares[side][row, column]) for side in sides}
            levels = [values[side] for side in sides if side != "change" and not np.isnan(values[side])]
            if levels and (row == column or max(levels) >= LISTED):
                rows.append((truth, given, *(_cell(side, value) for side, value in values.items())))
    titles = (f"{TITLES[side]} (%)" for side in sides)
    return Table(columns=("True class", "Given class", *titles), rows=tuple(rows), words=2)


def _cell(side: str, share: float) -> str:
    value = None if np.isnan(share) else share
    return signed(value) if side == "change" else number(value)
