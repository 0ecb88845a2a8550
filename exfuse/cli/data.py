"""`exfuse data …`: archives, prepared data, and the sets that training reads."""

from typing import Annotated, Any, cast

import typer

from exfuse.cli.context import graph_of
from exfuse.spec.datasets import OWN, PUBLISHERS
from exfuse.spec.graph import SET_SOURCES
from exfuse.spec.names import require

app = typer.Typer(help="Archives, prepared data, and the sets that training reads.", no_args_is_help=True)


@app.command("archives")
def data_archives(context: typer.Context) -> None:
    """Write the archives of a folder that the project makes itself."""
    from exfuse.commands import data as command

    command.make_archives(graph_of(context))


@app.command("fetch")
def data_fetch(
    context: typer.Context,
    publishers: Annotated[
        list[str] | None, typer.Argument(help=", ".join(PUBLISHERS), metavar="[PUBLISHER]...")
    ] = None,
) -> None:
    """Download the archives that the preset needs and that need no account; interrupted, the next call goes on."""
    from exfuse.commands import fetch as command

    command.fetch(graph_of(context), _publishers(publishers, "exfuse data fetch"))


@app.command("check")
def data_check(
    context: typer.Context,
    publishers: Annotated[
        list[str] | None, typer.Argument(help=", ".join(PUBLISHERS), metavar="[PUBLISHER]...")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave the md5 sums out.")] = False,
) -> None:
    """Tell whether the archives are there, whole, and hold what they should."""
    from exfuse.commands import check as command

    command.check(graph_of(context), _publishers(publishers, "exfuse data check"), quick)


def _publishers(names: list[str] | None, verb: str) -> list[Any]:
    for name in names or ():
        require(name, PUBLISHERS, "publisher", verb)
    return list(dict.fromkeys(names or ()))


@app.command("prepare")
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
        own.prepare(graph_of(context), workers)
        return
    command.prepare(graph_of(context), cast(Any, publisher), workers)


@app.command("set")
def data_set(
    context: typer.Context, name: Annotated[str, typer.Argument(help=", ".join(SET_SOURCES), metavar="SET")]
) -> None:
    """Write the table of a set of images."""
    from exfuse.commands import data as command

    require(name, SET_SOURCES, "set", "exfuse data set")
    command.write_set(graph_of(context), cast(Any, name))
