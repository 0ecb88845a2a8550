"""What the verbs share: arguments that several have, and the graph of the chosen preset."""

from typing import Annotated, cast

import typer

from exfuse.spec.graph import Graph

RunName = Annotated[str, typer.Argument(help="A run of params/runs.yaml.", metavar="RUN")]
Seed = Annotated[int, typer.Option(help="Repetition of the run.", min=0)]


def graph_of(context: typer.Context, preset: str | None = None) -> Graph:
    """The graph that the options before the verb ask for.

    Args:
        context: of the verb.
        preset: named after the verb, in place of the one before it.

    Raises:
        UserError: ``params/`` cannot be read.
    """
    return cast(Graph, context.obj(preset))
