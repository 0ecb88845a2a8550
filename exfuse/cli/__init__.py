"""The command line: every rule of the workflow calls it, and each of its verbs can be run by hand."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from exfuse import (
    __version__,
    provenance,  # noqa: F401 - starts a job's clock before libraries are loaded that take seconds
)
from exfuse.cli import data, jobs, weights
from exfuse.errors import UserError
from exfuse.spec.graph import Graph
from exfuse.spec.load import load

app = typer.Typer(
    name="exfuse",
    help="ExFuse (ECCV 2018), from the publishers' archives to the paper's tables, and its models for your images. "
    "`snakemake --cores all` runs the reproduction; most verbs are its steps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(jobs.app)
app.add_typer(weights.app)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


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
