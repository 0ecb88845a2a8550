"""The command line: every rule of the workflow calls it, and each of its verbs can be run by hand."""

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from exfuse import (
    __version__,
    provenance,  # noqa: F401 - starts a job's clock before libraries are loaded that take seconds
)
from exfuse.commands.jobs import require_made
from exfuse.errors import UserError
from exfuse.spec.datasets import OWN, PUBLISHERS
from exfuse.spec.graph import FIGURES, SET_SOURCES, Graph
from exfuse.spec.load import load
from exfuse.spec.names import require

app = typer.Typer(
    name="exfuse",
    help="ExFuse (ECCV 2018), from the publishers' archives to the paper's tables. "
    "`snakemake --cores all` runs everything; these are its steps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Archives, prepared data, and the sets that training reads.", no_args_is_help=True)
app.add_typer(data, name="data")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

RunName = Annotated[str, typer.Argument(help="A run of params/runs.yaml.", metavar="RUN")]
Seed = Annotated[int, typer.Option(help="Repetition of the run.", min=0)]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"exfuse {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    context: typer.Context,
    preset: Annotated[str | None, typer.Option(help="A file of params/presets/; else that of config.yaml.")] = None,
    data: Annotated[str | None, typer.Option(help="A folder of datasets.yaml, in place of the preset's.")] = None,
    data_root: Annotated[str | None, typer.Option(help="Where the archives lie, in place of the preset's.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options of every verb; they stand before it."""
    overrides = {key: value for key, value in (("data", data), ("data_root", data_root)) if value is not None}
    context.obj = lambda: Graph(load(Path(), preset, overrides))


def _graph(context: typer.Context) -> Graph:
    return cast(Graph, context.obj())


@data.command("archives")
def data_archives(context: typer.Context) -> None:
    """Write the archives of a folder that the project makes itself."""
    from exfuse.commands import data as command

    command.make_archives(_graph(context))


@data.command("fetch")
def data_fetch(
    context: typer.Context,
    publishers: Annotated[
        list[str] | None, typer.Argument(help=", ".join(PUBLISHERS), metavar="[PUBLISHER]...")
    ] = None,
) -> None:
    """Download the archives that the preset needs and that need no account; interrupted, the next call goes on."""
    from exfuse.commands import fetch as command

    command.fetch(_graph(context), _publishers(publishers, "exfuse data fetch"))


@data.command("check")
def data_check(
    context: typer.Context,
    publishers: Annotated[
        list[str] | None, typer.Argument(help=", ".join(PUBLISHERS), metavar="[PUBLISHER]...")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave the md5 sums out.")] = False,
) -> None:
    """Tell whether the archives are there, whole, and hold what they should."""
    from exfuse.commands import check as command

    command.check(_graph(context), _publishers(publishers, "exfuse data check"), quick)


def _publishers(names: list[str] | None, verb: str) -> list[Any]:
    for name in names or ():
        require(name, PUBLISHERS, "publisher", verb)
    return list(dict.fromkeys(names or ()))


@data.command("prepare")
def data_prepare(
    context: typer.Context,
    publisher: Annotated[str, typer.Argument(help=", ".join((*PUBLISHERS, OWN)), metavar="PUBLISHER")],
    workers: Annotated[int, typer.Option(help="Processes that convert masks.", min=1)] = 1,
) -> None:
    """Turn a publisher's archives, or own data, into images, masks and an index."""
    from exfuse.commands import data as command
    from exfuse.commands import own

    require(publisher, (*PUBLISHERS, OWN), "publisher", "exfuse data prepare")
    if publisher == OWN:
        own.prepare(_graph(context), workers)
        return
    command.prepare(_graph(context), cast(Any, publisher), workers)


@data.command("set")
def data_set(
    context: typer.Context, name: Annotated[str, typer.Argument(help=", ".join(SET_SOURCES), metavar="SET")]
) -> None:
    """Write the table of a set of images."""
    from exfuse.commands import data as command

    require(name, SET_SOURCES, "set", "exfuse data set")
    command.write_set(_graph(context), cast(Any, name))


@app.command()
def pretrain(
    context: typer.Context,
    backbone: Annotated[str, typer.Argument(help="A backbone of params/backbones.yaml.", metavar="BACKBONE")],
) -> None:
    """Train a backbone on ImageNet and measure its top-1 error."""
    graph = _graph(context)
    require(backbone, graph.spec.backbones, "backbone", "exfuse pretrain")
    require_made(graph, backbone, graph.spec.why_no_backbone(backbone))
    from exfuse.commands import pretrain as command

    command.run(graph, backbone)


@app.command()
def finetune(
    context: typer.Context,
    run: RunName,
    stage: Annotated[str, typer.Argument(help="A stage of the run's chain.", metavar="STAGE")],
    seed: Seed = 0,
) -> None:
    """Train one stage of a run; the last one is evaluated as well."""
    graph = _graph(context)
    require(run, graph.spec.runs, "run", "exfuse finetune")
    require(stage, graph.spec.runs[run].stages, "stage", f"exfuse finetune {run}")
    require_made(graph, run, graph.spec.why_no_run(run))
    from exfuse.commands import finetune as command

    command.run(graph, run, cast(Any, stage), seed)


@app.command()
def evaluate(context: typer.Context, run: RunName, seed: Seed = 0) -> None:
    """Score a run's last stage on VOC val (or own validation images), plain and with flip."""
    _score(context, run, seed, "val", "exfuse evaluate")


@app.command()
def submit(context: typer.Context, run: RunName, seed: Seed = 0) -> None:
    """Write and check a run's archive for the VOC test server."""
    _score(context, run, seed, "test", "exfuse submit")


def _score(context: typer.Context, run: str, seed: int, split: str, verb: str) -> None:
    from exfuse.commands import evaluate as command

    graph = _graph(context)
    require(run, graph.spec.runs, "run", verb)
    if graph.spec.runs[run].evaluated_on != split:
        other = f"exfuse submit {run}" if split == "val" else f"exfuse evaluate {run}"
        raise UserError(f"{verb}: run '{run}' is scored on another set; use `{other}`.")
    require_made(graph, run, graph.spec.why_no_run(run))
    if split == "test":
        require_made(graph, f"{graph.last_stage(run, seed)}/test", graph.why_no_submission(run))
    command.run(graph, run, seed)


@app.command()
def table(
    context: typer.Context, name: Annotated[str, typer.Argument(help="table1 … table8", metavar="TABLE")]
) -> None:
    """Write a table of the paper as CSV and LaTeX."""
    from exfuse.commands import reporting

    graph = _graph(context)
    require(name, graph.spec.tables, "table", "exfuse table")
    reporting.table(graph, name)


@app.command()
def figure(
    context: typer.Context, name: Annotated[str, typer.Argument(help=", ".join(FIGURES), metavar="FIGURE")]
) -> None:
    """Draw a figure as SVG and PNG."""
    from exfuse.commands import reporting

    require(name, FIGURES, "figure", "exfuse figure")
    reporting.figure(_graph(context), name)


@app.command()
def claims(context: typer.Context) -> None:
    """Write the paper's claims beside what was measured."""
    from exfuse.commands import reporting

    reporting.claims(_graph(context))


@app.command()
def report(context: typer.Context) -> None:
    """Write the page with everything."""
    from exfuse.commands import reporting

    reporting.report(_graph(context))


@app.command()
def status(context: typer.Context) -> None:
    """List every job and whether it is fresh."""
    from exfuse.commands.status import status as lines

    print("\n".join(lines(_graph(context))))


@app.command()
def times(context: typer.Context) -> None:
    """Say how long the jobs took that made the present results."""
    from exfuse.commands.status import times as lines

    print("\n".join(lines(_graph(context))))


def main() -> None:
    """Runs a verb; a user's error is one message and exit code 1, Ctrl-C exit code 130."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as end:  # typer turns Ctrl-C into an exit without a word
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            raise
        print("interrupted; what is finished is kept, and the next call goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
