"""`exfuse dvc …`: the graph for people who live in DVC (docs/sharing.md)."""

from typing import Annotated

import typer

from exfuse.cli.context import graph_of

app = typer.Typer(help="The same graph for DVC: single tables by `dvc repro`, results by `dvc push` and `dvc pull`.")


@app.command()
def write(context: typer.Context) -> None:
    """Write dvc.yaml from params/; one file serves all presets of one structure, such as mini and smoke."""
    from exfuse.commands import dvc as command

    command.write(graph_of(context))


@app.command()
def check(context: typer.Context) -> None:
    """Check that dvc.yaml says what params/ asks for; its first stage runs this."""
    from exfuse.commands import dvc as command

    command.check(graph_of(context))


@app.command()
def make(
    context: typer.Context,
    stage: Annotated[str, typer.Argument(help="Of dvc.yaml, such as table3.", metavar="STAGE")],
) -> None:
    """Have Snakemake make a stage's files, and check their keys; dvc.yaml's stages run this."""
    from exfuse.commands import dvc as command

    command.make(graph_of(context), stage)


@app.command()
def record(context: typer.Context) -> None:
    """Record in DVC what Snakemake has made: into dvc.lock and DVC's cache."""
    from exfuse.commands import dvc as command

    command.record(graph_of(context))
