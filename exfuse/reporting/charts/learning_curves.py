"""Learning curves: the losses of every backbone and of every run's chain of stages, as small multiples."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import is_file, read_csv
from exfuse.reporting.charts.chart import SCHEMA, WIDTH, Chart, Panels, Spec, Table, quantity, words
from exfuse.reporting.evaluations import MISSING, STALE, shown_path
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph, Job

POINTS = 40
"""Of a chain's curve: as many as a panel's pixels can tell apart."""
FEWEST = 4
"""Points of a short stage."""
HEIGHT = 84
"""Of a panel, pixels."""
NAMED_SHARE = 0.25
"""A stage with a smaller share of its chain's steps has no room for its name."""
MOST_STEPS = 1e12
"""Of a stage; what is said to have taken more is a mistake."""
TOTAL = "total loss"
PRETRAINING = "ImageNet"
TERMS = {
    "loss": TOTAL,
    "auxiliary": "auxiliary loss",
    "level1": "SS heads",
    "level2": "SS heads",
    "level3": "SS heads",
}

Curve = Mapping[str, Sequence[float]]
"""Values by column of ``history.csv``."""


@dataclass(frozen=True)
class Stage:
    """A trained stage of a chain: which, for how many steps before it the chain had gone, and its curve."""

    training: str
    seed: int
    name: str
    start: float
    curve: Curve

    @property
    def end(self) -> float:
        """Steps of the chain when it had ended."""
        return self.start + self.curve["step"][-1]


def chart(graph: Graph) -> Chart:
    """A panel a training, a line a seed; what is not there is listed."""
    stages: list[Stage] = []
    notes: list[str] = []
    for name in graph.spec.backbones:
        _add(graph, f"backbone {name}", [[f"backbones/{name}"]], graph.spec.why_no_backbone(name), stages, notes)
    for name in graph.spec.runs:
        _add(graph, name, _chains(graph, name), graph.spec.why_no_run(name), stages, notes)
    panels = Panels(count=len({one.training for one in stages}), most=5, least=110, outer=44, gap=22)
    return Chart(
        spec=_spec(stages, panels) if stages else words("Nothing has been trained."),
        caption=(
            "Training losses by step, on a logarithmic scale that all panels share; means over equal stretches of "
            "steps. The stages of a run's chain (coco, trainaug, train, trainval) follow one another, dashed lines "
            "between them; with several seeds there is one line a seed. The auxiliary loss is that of ECRE or of the "
            "supervised deconvolution, SS heads are those of semantic supervision."
        ),
        alternative=(
            f"Training loss against step in {panels.count} panels, one a backbone or segmentation model; first and "
            "last values are in the table below."
        ),
        table=Table(
            columns=("Training", "Stage", "Seed", "Steps", "First loss", "Last loss"),
            rows=tuple(_line(one) for one in stages),
            words=2,
        ),
        notes=tuple(notes),
        panels=panels if stages else None,
    )


def read_history(source: Path) -> Curve:
    """A learning curve.

    Raises:
        UserError: the file is absent or holds no curve.
    """
    rows = read_csv(source)
    try:
        columns = [name for name in (rows[0] if rows else ()) if name in ("step", *TERMS)]
        curve = {name: [float(row[name]) for row in rows] for name in columns}
    except (TypeError, ValueError) as error:
        raise UserError(f"{source} holds no learning curve ({error}). Delete it and run again.") from error
    if not {"step", "loss"} <= set(curve) or not _are_steps(curve["step"]):
        raise UserError(f"{source} holds no learning curve. Delete it and run again.")
    return curve


def _are_steps(steps: Sequence[float]) -> bool:
    """Whether a training can have made these steps, one after the other."""
    return 0 < steps[-1] < MOST_STEPS and steps[0] >= 0 and all(a < b for a, b in pairwise(steps))


def thinned(steps: Sequence[float], values: Sequence[float], most: int) -> tuple[list[float], list[float]]:
    """At most so many points: means of neighbours; what a logarithm cannot show is left out."""
    size = math.ceil(len(steps) / most)
    groups = [(steps[at : at + size], values[at : at + size]) for at in range(0, len(steps), size)]
    means = [(places[-1], sum(group) / len(group)) for places, group in groups]
    kept = [(place, float(f"{value:.4g}")) for place, value in means if math.isfinite(value) and value > 0]
    return [place for place, _ in kept], [value for _, value in kept]


def _chains(graph: Graph, run: str) -> list[list[str]]:
    """The training jobs of a run, one chain a seed."""
    links = graph.spec.chain(run)
    return [[f"runs/{link.run}/seed{seed}/{link.stage}" for link in links] for seed in range(graph.spec.preset.seeds)]


def _add(
    graph: Graph, training: str, chains: list[list[str]], reason: str | None, stages: list[Stage], notes: list[str]
) -> None:
    """Takes a training's stages, seed by seed, or notes what is in their way."""
    if reason is not None:
        notes.append(f"{training}: {reason}")
        return
    for seed, chain in enumerate(chains):
        found: list[Stage] = []
        for name in chain:
            curve = _curve(graph, graph.jobs[name])
            if isinstance(curve, str):
                notes.append(f"{training}: {curve}")
                break
            stage = name.split("/")[-1] if name.startswith("runs/") else PRETRAINING
            found.append(Stage(training, seed, stage, found[-1].end if found else 0.0, curve))
        else:
            stages += found


def _curve(graph: Graph, job: Job) -> Curve | str:
    """A job's curve, or why there is none."""
    if not has_expected_key(job):
        return f"{STALE if is_file(job.manifest) else MISSING} ({job.name})"
    source = job.manifest.with_name("history.csv")
    try:
        return read_history(source)
    except UserError:
        return f"no learning curve ({shown_path(graph, source)} is not there or cannot be read)"


def _rows(stages: Sequence[Stage]) -> Iterator[dict[str, object]]:
    ends = {one.training: one.end for one in stages}
    firsts = {one.training: one.seed for one in reversed(stages)}
    for one in stages:
        share = (one.end - one.start) / ends[one.training]
        most = min(POINTS, max(FEWEST, round(POINTS * share)))
        place: dict[str, object] = {"training": one.training, "seed": one.seed, "stage": one.name}
        for column, term in TERMS.items():
            if column in one.curve:
                steps, values = thinned(one.curve["step"], one.curve[column], most)
                yield {**place, "term": term, "column": column, "step": [one.start + s for s in steps], "loss": values}
        if one.seed == firsts[one.training]:
            name = one.name if NAMED_SHARE < share < 1 else ""
            edge = {"end": one.end, "middle": (one.start + one.end) / 2, "name": name}
            yield {"training": one.training, **edge, "step": [one.end], "loss": [None]}


def _spec(stages: Sequence[Stage], panels: Panels) -> Spec:
    x = {**quantity("step", ""), "axis": {"tickCount": 2, "grid": False, "format": "~s"}}
    log = {"type": "log", "nice": False}
    y = {**quantity("loss", "loss"), "scale": log, "axis": {"tickCount": 4, "format": "~g"}}
    names = list(dict.fromkeys(TERMS.values()))
    colour = {"field": "term", "type": "nominal", "scale": {"domain": names}, "legend": {"columns": 1}}
    curves: Spec = {
        "transform": [{"filter": "isValid(datum.loss)"}],
        "mark": {"type": "line", "strokeWidth": 1.2},
        "encoding": {
            "x": x,
            "y": y,
            "color": colour,
            "detail": [{"field": "seed"}, {"field": "stage"}, {"field": "column"}],
        },
    }
    edges: Spec = {
        "transform": [{"filter": "isValid(datum.end)"}],
        "mark": {"type": "rule", "style": "edge"},
        "encoding": {"x": {"field": "end", "type": "quantitative"}},
    }
    labels: Spec = {
        "transform": [{"filter": "isValid(datum.middle)"}],
        "mark": {"type": "text", "style": "said", "fontSize": 9, "y": 0, "baseline": "top"},
        "encoding": {"x": {"field": "middle", "type": "quantitative"}, "text": {"field": "name"}},
    }
    order = list(dict.fromkeys(one.training for one in stages))
    columns, width = panels.fit(WIDTH + 200)
    header = {"labelLimit": width + panels.gap - 4}
    return {
        "$schema": SCHEMA,
        "data": {"values": list(_rows(stages))},
        "transform": [{"flatten": ["step", "loss"]}],
        "facet": {"field": "training", "type": "nominal", "title": None, "sort": order, "header": header},
        "columns": columns,
        "spacing": {"row": 14, "column": 20},
        "spec": {"width": width, "height": HEIGHT, "layer": [edges, curves, labels]},
        "resolve": {"scale": {"x": "independent"}},
    }


def _line(one: Stage) -> tuple[str, ...]:
    steps, losses = one.curve["step"], one.curve["loss"]
    return (one.training, one.name, str(one.seed), f"{steps[-1]:,.0f}", f"{losses[0]:.4f}", f"{losses[-1]:.4f}")
