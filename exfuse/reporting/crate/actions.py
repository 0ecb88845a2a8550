"""What was done: an action a job, with command, time, machine, what it read and what it made; and one for them all."""

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from rocrate.model import ContextEntity, Entity
from rocrate.rocrate import ROCrate

from exfuse.reporting.crate.contents import Contents
from exfuse.reporting.crate.parts import local, once, value
from exfuse.reporting.crate.software import program
from exfuse.reporting.evaluations import is_fraction, read_fresh
from exfuse.reporting.lineage import Record
from exfuse.spec.datasets import OWN
from exfuse.spec.graph import Graph

COMPLETED = "http://schema.org/CompletedActionStatus"
MACHINE = ("device", "gpu", "host", "machine", "system")
METRICS = {
    "miou": "mIoU",
    "boundary_miou": "mIoU within GCN's distance of a boundary",
    "interior_miou": "mIoU away from boundaries",
    "top1_error": "top-1 error",
}
MEASURED = {"val.json": "", "val-flip.json": ", averaged with mirrored images", "metrics.json": ""}
"""Files with metrics, and what is added to their names."""
ABSOLUTE = re.compile(r"(?:^|(?<=[=:,\s])|(?<=^-\w)|(?<=\s-\w))(?<!http:)(?<!https:)/(?:(?!\s--?\w).)*", re.DOTALL)
"""A path from its beginning to the next option: where a command stands without quotation marks, a blank may be its."""


def job_action(crate: ROCrate, graph: Graph, about: Record, read: Sequence[Record], contents: Contents) -> Entity:
    """The action of a job.

    Args:
        crate: that holds it.
        graph: the preset's jobs.
        about: the job.
        read: those of its upstream jobs that are made.
        contents: files.
    """
    made = contents.made(about)
    measured = _metrics(crate, graph, about, contents)
    properties = {
        "name": about.job.name,
        "description": _description(about),
        "identifier": about.key,
        "instrument": _instrument(crate, about),
        "object": _given(crate, about, read, contents),
        "result": [*made, *measured, *contents.notes(about)],
        "environment": [value(crate, "machine", name, about.fact(name)) for name in MACHINE if about.fact(name)],
        "actionStatus": COMPLETED,
        **times(about.began, about.ended),
    }
    filled = {name: one for name, one in properties.items() if one not in ([], "")}
    return once(crate, local("job", about.job.name), "CreateAction", filled)


def run_action(
    crate: ROCrate, name: str, instrument: Entity, given: list[Entity], made: list[Entity], jobs: Mapping[str, Record]
) -> Entity:
    """The whole reproduction as one action, from its first job's beginning to its last job's end."""
    began = min((one.began for one in jobs.values() if one.began), default=None)
    ended = max((one.ended for one in jobs.values() if one.ended), default=None)
    properties = {
        "@type": "CreateAction",
        "name": name,
        "description": f"snakemake --cores all; {len(jobs)} jobs, each an action of its own",
        "instrument": instrument,
        "object": given,
        "result": made,
        "actionStatus": COMPLETED,
        **times(began, ended),
    }
    found: Entity = crate.add(ContextEntity(crate, "#run", properties=properties))
    return found


def times(began: datetime | None, ended: datetime | None) -> dict[str, str]:
    """Beginning and end as the profiles want them, of those that are known."""
    moments = {"startTime": began, "endTime": ended}
    return {name: moment.isoformat(timespec="seconds") for name, moment in moments.items() if moment is not None}


def _description(about: Record) -> str:
    """The command, without paths of the machine, and how often it was begun."""
    command = _without_paths(about.fact("command"))
    if not command:
        return "not told: its provenance cannot be read"
    again = len(about.stretches) - 1
    return command if again < 1 else f"{command} (interrupted and gone on: {again})"


def _without_paths(command: str) -> str:
    """A command with the last name alone of each path of the machine; quoted words stay one word."""
    try:
        words = shlex.split(command) if re.search("['\"]", command) else [command]
    except ValueError:
        words = [command]
    short = [ABSOLUTE.sub(lambda found: f"…/{found[0].rstrip('/').rpartition('/')[2]}", word) for word in words]
    return short[0] if len(short) == 1 else " ".join(f'"{word}"' if re.search(r"\s", word) else word for word in short)


def _instrument(crate: ROCrate, about: Record) -> Entity:
    libraries = about.provenance.get("libraries")
    known = {str(name): str(version) for name, version in libraries.items()} if isinstance(libraries, dict) else {}
    python = str(about.provenance.get("python") or "unknown")
    return program(crate, str(about.provenance.get("code") or "unknown"), python, known)


def _given(crate: ROCrate, about: Record, read: Sequence[Record], contents: Contents) -> list[Entity]:
    """Files of the jobs upstream, raw files, weights from elsewhere; the seed."""
    found = [one for other in read for one in contents.read(about, other)]
    settings = about.recorded_settings
    raw = settings.get("raw")
    if isinstance(raw, dict):
        found += contents.archives_of(name for name, identity in raw.items() if identity)
    elif about.job.name == f"data/{OWN}":
        found += contents.own
    for name in ("public_weights", "weights", "seed"):
        if name in settings:
            found.append(value(crate, "given", name, settings[name]))
    return found


def _metrics(crate: ROCrate, graph: Graph, about: Record, contents: Contents) -> list[Entity]:
    """The numbers that a job measured, as values of the files that hold them."""
    found = []
    for made in about.files:
        name = made.name
        if name not in MEASURED or not contents.intact(about, made):
            continue
        content = read_fresh(graph, about.job.manifest.parent / name, about.job) or {}
        numbers = {key: content[key] for key in METRICS if is_fraction(content.get(key))}
        values = [
            once(
                crate,
                local("metric", f"{about.job.name}/{name}/{key}"),
                "PropertyValue",
                {"name": f"{METRICS[key]}{MEASURED[name]}", "value": number, "maxValue": 1, "minValue": 0},
            )
            for key, number in numbers.items()
        ]
        if values:
            contents.file(about, made)["variableMeasured"] = values
        found += values
    return found
