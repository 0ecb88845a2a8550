"""`exfuse plan`: the bill before the order."""

from pathlib import Path
from typing import Annotated

import typer

from exfuse.cli.context import graph_of

app = typer.Typer()


@app.command()
def plan(
    context: typer.Context,
    preset: Annotated[str | None, typer.Option(help="As before the verb.")] = None,
    device: Annotated[
        str | None, typer.Option(help="Of params/devices.yaml; else this machine as it was measured.")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Of devices.")] = None,
    price: Annotated[float | None, typer.Option(help="Of a device hour, in any currency.")] = None,
    rate: Annotated[float | None, typer.Option(help="Share of the roofline that is reached, in place of 0.6.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there; - is standard output.")
    ] = None,
    every_job: Annotated[bool, typer.Option("--jobs", help="A line for each job in place of each rule.")] = False,
    todo: Annotated[bool, typer.Option("--todo", help="Only jobs that still have to run.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time training steps on this machine first, with as many at once as run.")
    ] = False,
    measure_missing: Annotated[
        bool, typer.Option("--measure-missing", help="The same where that was not done yet and can be.")
    ] = False,
) -> None:
    """Predict time, memory, disk, energy and price of a preset's jobs; nothing runs and no data are needed."""
    from exfuse.commands import plan as command
    from exfuse.planning.machine import Choice

    graph = graph_of(context, preset)
    choice = Choice(device=device, count=count, price=price, rate=rate)
    wanted = True if measure else None if measure_missing else False
    command.run(
        graph, command.Wishes(choice=choice, json_file=json_file, every_job=every_job, todo=todo, measure=wanted)
    )
