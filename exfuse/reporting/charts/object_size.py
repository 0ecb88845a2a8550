"""The effects of ECRE and of DAP by object size: what share of small and of large objects each of them finds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.reporting.charts.chart import Chart, Spec, Table, absences, jobs, number, plain, signed, view, words
from exfuse.reporting.charts.objects import Labels, Objects, measure, read_labels
from exfuse.reporting.damage import CUT
from exfuse.reporting.evaluations import altered, shown_path
from exfuse.reporting.figure7 import restrict
from exfuse.reporting.statistics.interval import Interval
from exfuse.reporting.statistics.student import t_interval
from exfuse.spec.graph import SIZE_EFFECTS, Graph

BINS = 5
DRAWS = 2000
SEED = 0
LEVEL = 0.95
ENOUGH_SEEDS = 3
"""From as many on, intervals hold what changes from seed to seed."""

Numbers = NDArray[np.float64]
Archives = Mapping[str, Mapping[int, Path]]
"""Of predictions, by run and seed."""


@dataclass(frozen=True)
class Effect:
    """What a part of ExFuse changes for objects of one size, in percent of their pixels.

    Attributes:
        part: which.
        size: which objects, in words.
        objects, images: how many there are.
        before, after: mean share that was found.
        low, high: 95% interval of the difference; none where it cannot be known.
    """

    part: str
    size: str
    objects: int
    images: int
    before: float
    after: float
    low: float | None
    high: float | None


def chart(graph: Graph) -> Chart:
    """Mean differences with intervals, by size."""
    archives, missing = _sources(graph)
    found = measure(_images(graph), [path for seeds in archives.values() for path in seeds.values()])
    cuts = size_cuts(found.area)
    effects = list(_effects(found, cuts, archives))
    how = _methods({part: len(_pairs(found, archives, pair)) for part, pair in SIZE_EFFECTS.items()})
    return Chart(
        spec=_spec(effects) if effects else words("Neither ECRE nor DAP was evaluated beside what lacks it."),
        caption=(
            f"Objects are connected regions of a class in the ground truth of {graph.spec.val_name} (pixels that touch "
            "at a corner belong together; void and background are none). Of each, the share of its pixels that was "
            f"given its class (not flipped), with a part minus without it: {_compared()}. Mean over the objects of a "
            f"size with a 95% interval ({how}). Sizes: areas as shares of the image, in {BINS} groups of as many "
            "objects each as equal areas allow, cut before any prediction was looked at. Every object counts the same. "
            "This is a recall: pixels that were wrongly given a class do not show."
        ),
        alternative=_alternative(effects),
        table=Table(
            columns=("Part", "Share of the image", "Objects", "Images", "Without (%)", "With (%)", "Change", "95%"),
            rows=tuple(_line(one) for one in effects),
            words=2,
        ),
        notes=(*missing, *(_shown(graph, problem) for problem in found.problems)),
    )


def size_cuts(area: Numbers) -> Numbers:
    """The largest area of each size but the last: quantiles, fewer where many objects are equally large."""
    return np.unique(np.quantile(area, np.arange(1, BINS) / BINS)) if area.size else np.zeros(0)


def interval_over_images(difference: Numbers, image: NDArray[np.int64], images: int) -> tuple[float, float] | None:
    """Percentile interval of a mean over objects when images are drawn anew; none of one image, or of no width.

    Args:
        difference: (M,) of each object.
        image: (M,) its image.
        images: how many the set has.
    """
    if len(np.unique(image)) < 2:
        return None
    sums = np.bincount(image, weights=difference, minlength=images)
    counts = np.bincount(image, minlength=images)
    draws = np.random.default_rng(SEED).multinomial(images, np.full(images, 1 / images), size=DRAWS)
    drawn = draws @ counts
    means = (draws @ sums)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)) if round(high - low, 9) else None


def _sources(graph: Graph) -> tuple[Archives, tuple[str, ...]]:
    """Archives of predictions by run and seed, where an evaluation is fresh, and what is missing or altered."""
    runs = [run for pair in SIZE_EFFECTS.values() for run in pair]
    found: dict[str, dict[int, Path]] = {run: {} for run in runs}
    problems = []
    for run in found:
        for seed, job in jobs(graph, run).items():
            archive = job.manifest.with_name("predictions.zip")
            if problem := altered(graph, job, archive):
                problems.append(f"{run}, seed {seed}: {problem}")
            else:
                found[run][seed] = archive
    return found, (*absences(graph, runs), *problems)


def _images(graph: Graph) -> Iterator[tuple[str, Labels | None]]:
    """Ids of the validation images and their ground truth with the preset's classes."""
    try:
        lines = read_csv(graph.layout.set("val"))
    except UserError:
        lines = []
    for line in lines:
        try:
            yield line["id"], restrict(read_labels(graph.layout.data / line["mask"]), graph.spec)
        except (*CUT, TypeError):
            yield line["id"], None


def _pairs(found: Objects, archives: Archives, pair: tuple[str, str]) -> dict[int, tuple[Path, Path]]:
    """Archives without and with a part, by seed, where both could be read."""
    without, with_ = (archives[run] for run in pair)
    return {
        seed: (without[seed], with_[seed])
        for seed in sorted(set(without) & set(with_))
        if without[seed] in found.found and with_[seed] in found.found
    }


def _effects(found: Objects, cuts: Numbers, archives: Archives) -> Iterator[Effect]:
    if not found.area.size:
        return
    size = np.searchsorted(cuts, found.area, side="left")
    images = int(found.image.max()) + 1
    for part, pair in SIZE_EFFECTS.items():
        seeds = _pairs(found, archives, pair)
        for place in np.unique(size) if seeds else ():
            kept = size == place
            before, after = (
                np.stack([found.found[paths[side]][kept] for paths in seeds.values()]) for side in (0, 1)
            )  # (seeds, objects)
            difference = 100.0 * (after - before)
            if len(seeds) >= ENOUGH_SEEDS:
                interval = t_interval(difference.mean(axis=1).tolist(), LEVEL)
                bounds = (interval.low, interval.high) if isinstance(interval, Interval) else None
            else:
                bounds = interval_over_images(difference.mean(axis=0), found.image[kept], images)
            yield Effect(
                part,
                _range(found.area[kept]),
                int(kept.sum()),
                len(np.unique(found.image[kept])),
                100.0 * float(before.mean()),
                100.0 * float(after.mean()),
                *(bounds or (None, None)),
            )


def _range(area: Numbers) -> str:
    low, high = (f"{100.0 * value:.2g}" for value in (area.min(), area.max()))
    return f"{low}%" if low == high else f"{low}–{high}%"


def _spec(effects: Sequence[Effect]) -> Spec:
    values: list[dict[str, Any]] = [
        {
            "part": one.part,
            "size": f"{one.size.replace('–', '–|')}|n = {one.objects:,}",
            "difference": plain(one.after - one.before),
            "low": None if one.low is None else plain(one.low),
            "high": None if one.high is None else plain(one.high),
            "without": plain(one.before),
            "with": plain(one.after),
        }
        for one in effects
    ]
    x = {
        "field": "size",
        "type": "ordinal",
        "sort": None,
        "title": "object's share of the image, and number of objects",
        "axis": {"labelExpr": "split(datum.label, '|')", "labelAngle": 0, "labelOverlap": False, "ticks": False},
    }
    parts = list(SIZE_EFFECTS)
    place = {"x": x, "xOffset": {"field": "part", "type": "nominal", "sort": parts}}
    colour = {"field": "part", "type": "nominal", "scale": {"domain": parts}}
    amount = {"type": "quantitative", "title": "with minus without, percentage points"}
    tooltip = [{"field": name} for name in ("part", "size", "without", "with", "difference", "low", "high")]
    bars: Spec = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {**place, "y": {"field": "low", **amount}, "y2": {"field": "high"}, "color": colour},
    }
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {
            **place,
            "y": {"field": "difference", **amount},
            "color": colour,
            "shape": {"field": "part", "type": "nominal", "scale": {"domain": parts, "range": ["circle", "square"]}},
            "tooltip": tooltip,
        },
    }
    zero: Spec = {"mark": {"type": "rule", "style": "zero"}, "encoding": {"y": {"datum": 0}}}
    return view(height=260, data={"values": values}, layer=[zero, bars, dots])


def _methods(seeds: Mapping[str, int]) -> str:
    """Where the intervals come from, in words, for parts with so many seeds."""
    found = {
        part: f"Student's t over {count} seeds, with and without the part by the same seed"
        if count >= ENOUGH_SEEDS
        else f"bootstrap over images, {DRAWS:,} draws, given these weights: without the noise of training"
        for part, count in seeds.items()
        if count
    }
    distinct = set(found.values())
    if len(distinct) == 1:
        return distinct.pop()
    return "; ".join(f"{part}: {how}" for part, how in found.items()) or "none yet: nothing was evaluated"


def _compared() -> str:
    return "; ".join(f"{part}: {after} − {before}" for part, (before, after) in SIZE_EFFECTS.items())


def _alternative(effects: Sequence[Effect]) -> str:
    if not effects:
        return "Effects by object size; nothing was evaluated."
    sentences = [f"Effects by object size in {len({one.size for one in effects})} sizes."]
    for part in SIZE_EFFECTS:
        of = [one for one in effects if one.part == part]
        if of:
            first, last = of[0], of[-1]
            sentences.append(
                f"{part}: {signed(first.after - first.before)} points for the smallest objects, "
                f"{signed(last.after - last.before)} for the largest."
            )
    return " ".join(sentences)


def _line(one: Effect) -> tuple[str, ...]:
    between = "–" if one.low is None else f"{signed(one.low)} to {signed(one.high)}"
    counts = (f"{one.objects:,}", f"{one.images:,}")
    return (
        one.part, one.size, *counts, number(one.before), number(one.after), signed(one.after - one.before), between
    )  # fmt: skip


def _shown(graph: Graph, problem: str) -> str:
    """A problem with its path as a person in the repository's root would write it."""
    path, separator, rest = problem.partition(": ")
    return f"{shown_path(graph, Path(path))}{separator}{rest}" if path.endswith(".zip") else problem
