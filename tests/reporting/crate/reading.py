"""A crate as entities by identifier, and what the profile's own validator says of it."""

import warnings

from rocrate_validator import models, services

from exfuse.files import read_json
from exfuse.reporting.crate import write_crate

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-2, appendix B.1."""


def issues(folder, severity=models.Severity.REQUIRED):
    settings = models.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="workflow-run-crate",
        requirement_severity=severity,
        skip_availability_check=True,
        no_cache=True,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ConjunctiveGraph is deprecated")  # rdflib's own use of it
        return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


def crate_of(results):
    write_crate(results.graph)
    return {entity["@id"]: entity for entity in read_json(results.graph.layout.crate)["@graph"]}


def as_list(value):
    return value if isinstance(value, list) else [value]


def references(value):
    return {one["@id"] for one in as_list(value)}
