"""`exfuse plan`: what the jobs of a preset will take, before any of them runs."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from exfuse.commands import rates
from exfuse.data.parallel import ordered_map
from exfuse.data.progress import Progress, say
from exfuse.errors import UserError
from exfuse.files import write_text
from exfuse.planning.bill import Terms, facts, lines
from exfuse.planning.counts import known_works, remember
from exfuse.planning.demands import demands, subjects
from exfuse.planning.disk import archives
from exfuse.planning.machine import Choice, choose, require_sensible, usable_cores
from exfuse.planning.plan import Plan, make_plan
from exfuse.planning.subjects import Subject
from exfuse.planning.work import Work
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph
from exfuse.training.notes import usable

MOST_PROCESSES = 4
"""That count networks; each imports torch."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line says.

    Attributes:
        choice: what the plan is for.
        json_file: where it is written as JSON; ``-`` is standard output.
        every_job: whether the table has a line for each job.
        todo: whether jobs that are fresh are left out.
        measure: whether the machine is timed first; none: where its rates are missing and can be measured.
    """

    choice: Choice
    json_file: Path | None = None
    every_job: bool = False
    todo: bool = False
    measure: bool | None = False


def run(graph: Graph, wishes: Wishes) -> None:
    """Prints a plan, or writes it as JSON.

    Raises:
        UserError: there is no such device, a number makes no sense, or the file cannot be written.
    """
    require_sensible(wishes.choice)
    done = frozenset(graph.jobs) - stale_jobs(graph) if wishes.todo else frozenset()
    needed = subjects(demands(graph, done))
    if wishes.measure is not False:
        rates.measure(graph, needed, only_missing=wishes.measure is None)
    machine, terms = choose(graph, needed, wishes.choice)
    works = works_of(graph, needed, min(usable_cores(), MOST_PROCESSES))
    plan = make_plan(graph, works, machine, done, saved_steps(graph) if wishes.todo else None)
    _show(graph, plan, terms, wishes)


def saved_steps(graph: Graph) -> dict[str, int]:
    """Steps that interrupted trainings have saved under their jobs' keys, by job."""
    found = {name: usable(graph.layout.training(name), job.key) for name, job in graph.jobs.items()}
    return {name: saved.step for name, saved in found.items() if saved is not None}


def works_of(graph: Graph, needed: dict[str, Subject], processes: int = 1) -> dict[str, Work]:
    """What networks ask for: as remembered, or counted now, which takes torch and about a second for each."""
    works = known_works(graph, needed)
    missing = {key: subject for key, subject in needed.items() if key not in works}
    if not missing:
        return works
    say(f"counting the operations of {len(missing)} networks")
    with Progress("count", "networks") as display:
        counted = ordered_map(count_one, missing.values(), min(processes, len(missing)))
        for number, (key, work) in enumerate(zip(missing, counted, strict=True), start=1):
            works[key] = work
            display.show(number, len(missing))
    try:
        remember(graph.spec.root, {key: works[key] for key in missing})
    except UserError as error:  # a folder that cannot be written is no reason for no plan
        say(f"not remembered: {error}")
    return works


def count_one(subject: Subject) -> Work:
    """In a process of its own, where there are several."""
    from exfuse.inspection.counting import count

    return count(subject)


def _show(graph: Graph, plan: Plan, terms: Terms, wishes: Wishes) -> None:
    raw = archives(graph)
    if wishes.json_file is not None:
        content = json.dumps(facts(plan, terms, raw), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if str(wishes.json_file) == "-":
            sys.stdout.write(content)
        else:
            write_text(wishes.json_file, content)
            print(f"{wishes.json_file}: {len(plan.jobs)} jobs")
    elif not plan.jobs:
        print(f"preset {terms.preset}: nothing is left to do")
    else:
        print("\n".join(lines(plan, terms, raw, every_job=wishes.every_job)))
