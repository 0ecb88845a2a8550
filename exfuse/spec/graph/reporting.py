"""Jobs that write what the paper prints: tables, claims, figures, the page."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exfuse.spec.base import plain
from exfuse.spec.graph.inspection import PROBED_RUNS
from exfuse.spec.paper import Measure, Table
from exfuse.spec.spec import Spec

if TYPE_CHECKING:
    from exfuse.spec.graph.graph import Graph

TRACED = ("figure2", "figure3", "figure4", "figure5", "figure6")
"""Figures of the networks themselves, drawn from what was traced."""
CHARTS = ("learning-curves", "per-class", "boundary", "confusion", "object-size", "costs-chart")
"""What the paper does not show: drawn as files, and live in the page."""
FIGURES = ("figure1", *TRACED, "figure7", *CHARTS)
FILES = ("svg", "png")
CHART_FILES = (*FILES, "vl.json")
ABLATION = "table3"
"""The table whose rows the chart `per-class` compares; `confusion` compares its first and its last."""
SPLIT_TABLES = ("table3", "table4", "table5")
"""Tables whose rows the chart `boundary` compares with the first of each."""
SIZE_EFFECTS = {"ECRE": ("ss-lr", "ss-lr-ecre"), "DAP": ("ss-lr-seb", "ss-lr-seb-dap")}
"""Runs without and with a part, which the chart `object-size` compares."""
FIGURE7_RUNS = ("gcn-resnext101-coco", "exfuse-resnext131-coco")
"""GCN and ExFuse as Figure 7 compares them."""
FIGURE7_RUNS_WITHOUT_COCO = ("gcn-resnext101", "exfuse")
"""The baseline and ExFuse of Table 3, which stand in where there is no COCO."""
WORKFLOW = (
    "Snakefile",
    *(f"workflow/rules/{n}.smk" for n in ("common", "data", "evaluate", "finetune", "inspect", "pretrain", "report")),
)
"""The sources of the workflow, its entry first, relative to the repository's root: the crate holds a copy."""
CITATION = "CITATION.cff"
"""Who wrote the programs, and which papers they reproduce."""
CRATED = (CITATION, *WORKFLOW)
"""What the crate is made of besides results."""
OFFICIAL = "official"
"""The folder of ``datasets.yaml`` with the publishers' whole archives, whose sets the page compares with."""
TEMPLATES = Path(__file__).parents[2] / "reporting" / "templates"


def add_jobs(graph: "Graph") -> None:
    """A job a table, one for all claims, a job a figure, one for the page."""
    preset = graph.spec.preset
    shown: dict[str, Any] = {"preset": preset.name, "seeds": preset.seeds}
    if graph.spec.folder.own is not None:
        shown["data"] = graph.spec.folder.title
    for name, table in graph.spec.tables.items():
        measures = _measures(table)
        settings = {**shown, "caveat": graph.spec.caveat, "table": plain(table)}
        if any(measure.metric == "test_miou" for measure in measures):
            settings["test_server"] = {run: plain(score) for run, score in preset.test_server.items()}
        csv = graph.layout.table(name)
        outputs = (csv, csv.with_suffix(".tex"), csv.with_suffix(".md"))
        graph.add(f"tables/{name}", csv.with_suffix(".manifest.json"), outputs, _needed(graph, measures), settings)
    claims = {name: plain(claim) for name, claim in graph.spec.claims.items()}
    measures = [m for claim in graph.spec.claims.values() for m in (*claim.plus, *claim.minus)]
    csv = graph.layout.claims
    needed = _needed(graph, measures)
    settings = {**shown, "claims": claims, "statistics": plain(graph.spec.statistics)}
    graph.add("claims", csv.with_suffix(".manifest.json"), (csv,), needed, settings)
    _add_figures(graph, shown)
    _add_gallery(graph, shown)
    _add_report(graph, shown)
    _add_crate(graph, shown)


def figure7_runs(spec: Spec) -> tuple[str, ...]:
    """The runs that Figure 7 compares: those trained with COCO, or, where the preset makes neither, those without."""
    pairs = (FIGURE7_RUNS, FIGURE7_RUNS_WITHOUT_COCO)
    return next((pair for pair in pairs if _makes_any(spec, pair)), FIGURE7_RUNS)


def stands_in(graph: "Graph") -> bool:
    """Whether Figure 7 compares other runs than the paper's."""
    return figure7_runs(graph.spec) != FIGURE7_RUNS


def _makes_any(spec: Spec, runs: tuple[str, ...]) -> bool:
    return any(spec.why_no_run(run) is None for run in runs)


def _needed(graph: "Graph", measures: list[Measure]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(job for measure in measures for job in graph.measure_jobs(measure)))


def _add_figures(graph: "Graph", shown: dict[str, Any]) -> None:
    shown = {**shown, "classes": list(graph.spec.classes)}
    seed0 = [job for run in figure7_runs(graph.spec) for job in graph.measure_jobs(Measure(run=run))[:1]]
    probes = ("models/probes",) if "models/probes" in graph.jobs else ()
    upstream = {
        "figure1": probes,
        **dict.fromkeys(TRACED, ("models/architecture",)),
        "figure7": (*seed0, "data/sets/val"),
        "learning-curves": tuple(j for j in graph.jobs if j.startswith(("backbones/", "runs/")) and _trains(j)),
        **_evaluated(graph),
    }
    rows = {name: plain(graph.spec.tables[name])["rows"] for name in SPLIT_TABLES if name in graph.spec.tables}
    labels: dict[str, Any] = {
        "figure1": {run: graph.spec.runs[run].title for run in PROBED_RUNS},
        "per-class": rows[ABLATION],
        "boundary": rows,
        "confusion": rows[ABLATION],
    }
    for name in FIGURES:
        svg = graph.layout.figure(name)
        outputs = tuple(graph.layout.figure(name, suffix) for suffix in (CHART_FILES if name in CHARTS else FILES))
        graph.add(
            f"figures/{name}",
            svg.with_suffix(".manifest.json"),
            outputs,
            upstream[name],
            {**shown, "labels": labels.get(name)},
        )


def _evaluated(graph: "Graph") -> dict[str, tuple[str, ...]]:
    """What the charts read that are made of evaluations."""
    measures = {name: _measures(table) for name, table in graph.spec.tables.items()}
    ablation = measures[ABLATION]
    compared = [run for pair in SIZE_EFFECTS.values() for run in pair]
    split = [measure for name in SPLIT_TABLES for measure in measures.get(name, [])]
    costs = ("models/costs",) if "models/costs" in graph.jobs else ()
    return {
        "per-class": _needed(graph, ablation),
        "boundary": _needed(graph, split),
        "confusion": _needed(graph, [ablation[0], ablation[-1]]),
        "object-size": (*_needed(graph, [Measure(run=run) for run in compared]), "data/sets/val"),
        "costs-chart": (*costs, *_jobs_ending(graph, "/val")),
    }


def _measures(table: Table) -> list[Measure]:
    return [cell.measure for row in table.rows for cell in row.cells.values() if cell.measure]


def _add_gallery(graph: "Graph", shown: dict[str, Any]) -> None:
    """The images that GCN and ExFuse are compared on by eye, as in Figure 7 with the first seed."""
    seed0 = [job for run in figure7_runs(graph.spec) for job in graph.measure_jobs(Measure(run=run))[:1]]
    json = graph.layout.gallery
    settings = {**shown, "classes": list(graph.spec.classes)}
    graph.add("gallery", json.with_suffix(".manifest.json"), (json,), (*seed0, "data/sets/val"), settings)


def _add_report(graph: "Graph", shown: dict[str, Any]) -> None:
    templates = {
        file.relative_to(TEMPLATES).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(TEMPLATES.rglob("*"))
        if file.is_file()
    }
    preset = graph.spec.preset
    settings = {
        **shown,
        "description": preset.description,
        "caveat": graph.spec.caveat,
        "ledger": [plain(entry) for entry in graph.spec.ledger],
        "fidelity": hashlib.sha256(graph.spec.fidelity.model_dump_json().encode()).hexdigest(),
        "templates": templates,
        "devices": {name: plain(device) for name, device in graph.spec.devices.items()},
        "titles": {
            "data": graph.spec.folder.title,
            "backbones": {
                name: [declared.title, declared.source, declared.public_weights]
                for name, declared in graph.spec.backbones.items()
            },
            "runs": {name: [declared.title, declared.source] for name, declared in graph.spec.runs.items()},
        },
    }
    official = graph.spec.datasets.folders.get(OFFICIAL)
    if graph.spec.folder.own is None and official is not None:
        settings["published"] = {"sets": plain(official)["sets"], "gcn_images": graph.spec.datasets.gcn_images}
    upstream = [job for job in graph.jobs if job.startswith(("tables/", "figures/")) or job in ("claims", "gallery")]
    upstream += [job for job in graph.jobs if job.startswith(("backbones/", "models/"))]
    upstream += [*_jobs_ending(graph, "/val"), *_jobs_ending(graph, "/test")]
    html = graph.layout.report
    graph.add("report", html.with_name("manifest.json"), (html,), tuple(upstream), settings)


def _add_crate(graph: "Graph", shown: dict[str, Any]) -> None:
    """The whole reproduction as an RO-Crate, with a copy of the workflow; it says what the page says."""
    sources = {name: graph.spec.root / name for name in CRATED}
    read = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in sources.items() if file.is_file()}
    json = graph.layout.crate
    outputs = (json, *(graph.layout.source(name) for name in WORKFLOW))
    graph.add("crate", json.with_suffix(".manifest.json"), outputs, ("report",), {**shown, "files": read})


def _trains(job: str) -> bool:
    return not job.endswith(("/val", "/test"))


def _jobs_ending(graph: "Graph", ending: str) -> list[str]:
    return [job for job in graph.jobs if job.startswith("runs/") and job.endswith(ending)]
