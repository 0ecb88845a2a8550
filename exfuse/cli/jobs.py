"""The jobs of the graph, a verb a kind: every rule of the workflow calls one of these."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from exfuse.cli.context import RunName, Seed, graph_of
from exfuse.commands.jobs import require_made
from exfuse.errors import UserError
from exfuse.spec.graph import FIGURES, PROBED_RUNS
from exfuse.spec.names import require

app = typer.Typer()

Deterministic = Annotated[
    bool,
    typer.Option("--deterministic", help="Equal bits each time on a GPU too, at some speed; a processor always does."),
]


@app.command()
def pretrain(
    context: typer.Context,
    backbone: Annotated[str, typer.Argument(help="A backbone of params/backbones.yaml.", metavar="BACKBONE")],
    deterministic: Deterministic = False,
) -> None:
    """Train a backbone on ImageNet and measure its top-1 error."""
    graph = graph_of(context)
    require(backbone, graph.spec.backbones, "backbone", "exfuse pretrain")
    require_made(graph, backbone, graph.spec.why_no_backbone(backbone))
    from exfuse.commands import pretrain as command

    command.run(graph, backbone, deterministic)


@app.command()
def finetune(
    context: typer.Context,
    run: RunName,
    stage: Annotated[str, typer.Argument(help="A stage of the run's chain.", metavar="STAGE")],
    seed: Seed = 0,
    deterministic: Deterministic = False,
) -> None:
    """Train one stage of a run; the last one is evaluated as well."""
    graph = graph_of(context)
    require(run, graph.spec.runs, "run", "exfuse finetune")
    require(stage, graph.spec.runs[run].stages, "stage", f"exfuse finetune {run}")
    require_made(graph, run, graph.spec.why_no_run(run))
    from exfuse.commands import finetune as command

    command.run(graph, run, cast(Any, stage), seed, deterministic)


@app.command()
def score(context: typer.Context, run: RunName, seed: Seed = 0) -> None:
    """Score a run's last stage on VOC val (or own validation images), plain and with flip."""
    _score(context, run, seed, "val", "exfuse score")


@app.command()
def submit(context: typer.Context, run: RunName, seed: Seed = 0) -> None:
    """Write and check a run's archive for the VOC test server."""
    _score(context, run, seed, "test", "exfuse submit")


def _score(context: typer.Context, run: str, seed: int, split: str, verb: str) -> None:
    from exfuse.commands import score as command

    graph = graph_of(context)
    require(run, graph.spec.runs, "run", verb)
    if graph.spec.runs[run].evaluated_on != split:
        other = f"exfuse submit {run}" if split == "val" else f"exfuse score {run}"
        raise UserError(f"{verb}: run '{run}' is scored on another set; use `{other}`.")
    require_made(graph, run, graph.spec.why_no_run(run))
    if split == "test":
        require_made(graph, f"{graph.last_stage(run, seed)}/test", graph.why_no_submission(run))
    command.run(graph, run, seed)


@app.command()
def trace(context: typer.Context) -> None:
    """Trace what ExFuse is made of, for Figures 2–6."""
    from exfuse.commands import trace as command

    command.run(graph_of(context))


@app.command()
def costs(context: typer.Context) -> None:
    """Count parameters and operations of all networks."""
    from exfuse.commands import costs as command

    command.run(graph_of(context))


@app.command()
def probe(context: typer.Context) -> None:
    """Measure what the features of GCN and ExFuse carry, for Figure 1."""
    graph = graph_of(context)
    missing = [run for run in PROBED_RUNS if graph.spec.why_no_run(run) is not None]
    reasons = "; ".join(f"{run}: {graph.spec.why_no_run(run)}" for run in missing)
    require_made(graph, "models/probes", None if "models/probes" in graph.jobs else reasons)
    from exfuse.commands import probe as command

    command.run(graph)


@app.command()
def table(
    context: typer.Context, name: Annotated[str, typer.Argument(help="table1 … table8", metavar="TABLE")]
) -> None:
    """Write a table of the paper as CSV and LaTeX."""
    from exfuse.commands import reporting

    graph = graph_of(context)
    require(name, graph.spec.tables, "table", "exfuse table")
    reporting.table(graph, name)


@app.command()
def figure(
    context: typer.Context, name: Annotated[str, typer.Argument(help=", ".join(FIGURES), metavar="FIGURE")]
) -> None:
    """Draw a figure as SVG and PNG."""
    from exfuse.commands import reporting

    require(name, FIGURES, "figure", "exfuse figure")
    reporting.figure(graph_of(context), name)


@app.command()
def gallery(context: typer.Context) -> None:
    """Choose images by their scores and write them with both models' predictions, for the page."""
    from exfuse.commands import reporting

    reporting.gallery(graph_of(context))


@app.command()
def claims(context: typer.Context) -> None:
    """Write the paper's claims beside what was measured."""
    from exfuse.commands import reporting

    reporting.claims(graph_of(context))


@app.command()
def report(
    context: typer.Context,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two results folders, put side by side in place of the page.", metavar="A B"),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Of --compare; else comparison.html.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is no comparison.")] = False,
) -> None:
    """Write the page with everything, or compare two reproductions."""
    from exfuse.commands import reporting

    if compare is not None:
        reporting.compare(*compare, output, overwrite)
    elif output is not None or overwrite:
        raise UserError("exfuse report: --output and --overwrite are for --compare A B alone.")
    else:
        reporting.report(graph_of(context))


@app.command()
def crate(context: typer.Context) -> None:
    """Describe all results as an RO-Crate: files, commands, settings, data."""
    from exfuse.commands import reporting

    reporting.crate(graph_of(context))


@app.command()
def fidelity(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the document is as it would be.")] = False,
) -> None:
    """Write docs/fidelity.md: what the papers say, what is done here, and what is an assumption."""
    from exfuse.commands import fidelity as command

    command.run(check)


@app.command()
def status(context: typer.Context) -> None:
    """List every job and whether it is fresh."""
    from exfuse.commands.status import status as lines

    print("\n".join(lines(graph_of(context))))


@app.command()
def times(context: typer.Context) -> None:
    """Say how long the jobs took that made the present results."""
    from exfuse.commands.status import times as lines

    print("\n".join(lines(graph_of(context))))
