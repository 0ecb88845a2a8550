"""The program's verbs, put together."""

from pathlib import Path
from typing import Annotated

import typer

from exfuse import __version__
from exfuse.cli import data, dvc, jobs, plan, weights
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
app.add_typer(dvc.app, name="dvc")
app.add_typer(jobs.app)
app.add_typer(plan.app)
app.add_typer(weights.app)


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
    context.obj = lambda chosen=None: Graph(load(Path(), chosen or preset, overrides))
