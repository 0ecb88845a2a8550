"""``ro-crate-metadata.json``: the Workflow Run Crate of a preset's results, put together.

The crate's folder is ``results/<preset>/``. The Snakefile and its rules are copied there, because a crate holds its
workflow. Nothing in the file depends on when or where it is written; its date is the end of the last job.
"""

import shutil
from collections.abc import Mapping
from typing import Any

from rocrate.model import Entity
from rocrate.rocrate import ROCrate

from exfuse.errors import UserError
from exfuse.files import atomic_path, is_file, write_json
from exfuse.reporting.crate import about as authors
from exfuse.reporting.crate.actions import job_action, run_action
from exfuse.reporting.crate.contents import Contents
from exfuse.reporting.crate.parts import PROFILES, RO_CRATE, TERMS, once
from exfuse.reporting.crate.settings import outputs, parameters
from exfuse.reporting.crate.software import PROGRAM, workflow
from exfuse.reporting.lineage import FRESH, PRINTED, Record, all_records, record
from exfuse.spec.graph import Graph
from exfuse.spec.graph.reporting import WORKFLOW

TITLE = "ExFuse, reproduced"
CRATE = "crate"
"""The job that writes the file; it is no part of what it describes."""


def write_crate(graph: Graph) -> None:
    """Writes the metadata file, and the workflow's sources beside it.

    Raises:
        UserError: nothing was made yet, or not when, the repository's files are not there, or the folder cannot
            be written.
    """
    wanted = _records(graph)
    made = {name: about for name, about in wanted.items() if about.state == FRESH}
    if not made:
        raise UserError(
            f"{graph.layout.base}: nothing of preset '{graph.spec.preset.name}' was made yet. "
            "`snakemake --cores all` makes it."
        )
    if not any(about.ended for about in made.values()):
        raise UserError(
            f"{graph.layout.base}: no job's provenance.json tells when it ended, and a crate has to have a date. "
            "Make a job again."
        )
    said = authors.citation(graph.spec.root)
    _copy_sources(graph)
    crate = ROCrate(version=RO_CRATE)
    crate.metadata.extra_terms.update(TERMS)
    _describe(crate, graph, said, made, f"{len(made)} of {len(wanted)} jobs")
    content = crate.metadata.generate()
    write_json(graph.layout.crate, {**content, "@graph": [_compact(entity) for entity in content["@graph"]]})


def _compact(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity in the form that RO-Crate recommends: one value is no list, and no value is nothing."""
    alone = {name: one[0] if isinstance(one, list) and len(one) == 1 else one for name, one in entity.items()}
    return {name: one for name, one in alone.items() if one != []}


def _records(graph: Graph) -> dict[str, Record]:
    """The jobs that the preset wants: of data those that another job reads."""
    wanted = {one.job.name for one in all_records(graph)}
    return {
        name: record(graph, name)
        for name in graph.jobs
        if name in wanted or (name.startswith(PRINTED) and name != CRATE)
    }


def _copy_sources(graph: Graph) -> None:
    for name in WORKFLOW:
        source = graph.spec.root / name
        if not is_file(source):
            raise UserError(f"{source} is not there. {authors.ADVICE}")
        with atomic_path(graph.layout.source(name)) as temporary:
            shutil.copyfile(source, temporary)


def _describe(crate: ROCrate, graph: Graph, said: Any, made: dict[str, Record], count: str) -> None:
    contents = Contents(crate, graph)
    people = authors.people(crate, said["authors"])
    licence = authors.licence(crate, said["license"])
    home = said.get("repository-code") or said.get("url")
    latest = max((one.ended, one.job.name, one) for one in made.values() if one.ended)[-1]
    shared = {"author": people, "license": licence, **({} if home is None else {"url": home})}
    main = workflow(crate, graph, latest.fact("code") or "unknown", shared)
    jobs = {
        name: job_action(crate, graph, about, [made[other] for other in about.job.upstream if other in made], contents)
        for name, about in made.items()
    }
    slots, given = parameters(crate, graph)
    printed = _printed(made, contents)
    main["input"] = slots
    main["output"] = outputs(crate, printed)
    files = [one for group in printed.values() for one in group] or contents.made(latest)
    title = f"Preset {graph.spec.preset.name}"
    run = run_action(crate, title, main, [*given, *contents.archives], files, made)
    _root(crate, graph, count, [run, *jobs.values()])
    root = crate.root_dataset
    root["datePublished"] = run["endTime"]
    root["author"], root["license"] = people, licence
    if home is not None:
        for program in crate.get_by_type("SoftwareApplication"):
            if program["name"] == PROGRAM:
                program["url"] = home
    root["citation"] = authors.papers(crate, said.get("references", []))


def _printed(made: dict[str, Record], contents: Contents) -> dict[str, list[Entity]]:
    """What the paper prints, by kind: tables, figures, claims, the page."""
    found: dict[str, list[Entity]] = {}
    for name, about in made.items():
        if name.startswith(PRINTED):
            found.setdefault(name.partition("/")[0], []).extend(contents.made(about))
    return found


def _root(crate: ROCrate, graph: Graph, count: str, actions: list[Entity]) -> None:
    profiles = [
        once(crate, url, "CreativeWork", {"name": name, "version": version})
        for url, (name, version) in PROFILES.items()
    ]
    preset = graph.spec.preset
    root = crate.root_dataset
    root["conformsTo"] = profiles
    root["name"] = f"{TITLE}: preset {preset.name}"
    words = f"{preset.description}. {count} are made from the present settings and data."
    root["description"] = f"{words} {graph.spec.caveat}".strip()
    root["mentions"] = actions
    crate.metadata["conformsTo"] = [
        {"@id": crate.metadata.profile},
        {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
    ]
