"""Who wrote the programs, under which licence, and which papers they reproduce: ``CITATION.cff``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import Entity
from rocrate.rocrate import ROCrate

from exfuse.errors import UserError
from exfuse.files import read_bytes
from exfuse.reporting.crate.parts import local, once
from exfuse.spec.graph.reporting import CITATION

ADVICE = "The crate is made in a clone of the repository."


def citation(root: Path) -> Mapping[str, Any]:
    """What ``CITATION.cff`` says.

    Raises:
        UserError: it is missing or cannot be understood.
    """
    source = root / CITATION
    try:
        content = yaml.safe_load(read_bytes(source, ADVICE))
    except yaml.YAMLError as error:
        raise UserError(f"{source} cannot be understood ({type(error).__name__}). {ADVICE}") from error
    if not isinstance(content, dict) or not {"title", "version", "license", "authors"} <= content.keys():
        raise UserError(f"{source} lacks title, version, license or authors. {ADVICE}")
    return content


def licence(crate: ROCrate, name: str) -> Entity:
    """A licence by its SPDX name."""
    about = {"name": name, "description": f"the licence {name}, as SPDX lists it"}
    return once(crate, f"https://spdx.org/licenses/{name}", "CreativeWork", about)


def people(crate: ROCrate, authors: list[Mapping[str, Any]]) -> list[Entity]:
    """Authors: persons by ORCID where it is known, groups by name."""
    return [_author(crate, author) for author in authors]


def papers(crate: ROCrate, references: list[Mapping[str, Any]]) -> list[Entity]:
    """The papers that are reproduced or built on."""
    return [_paper(crate, reference) for reference in references]


def _author(crate: ROCrate, author: Mapping[str, Any]) -> Entity:
    if "name" in author:
        return once(crate, local("group", author["name"]), "Organization", {"name": author["name"]})
    given, family = str(author.get("given-names", "")), str(author.get("family-names", ""))
    name = f"{given} {family}".strip()
    identifier = author.get("orcid") or local("person", name)
    return once(crate, identifier, "Person", {"name": name, "givenName": given, "familyName": family})


def _paper(crate: ROCrate, reference: Mapping[str, Any]) -> Entity:
    about = {"name": reference["title"], "author": people(crate, reference.get("authors", []))}
    if "year" in reference:
        about["datePublished"] = str(reference["year"])
    if "collection-title" in reference:
        about["description"] = f"In: {reference['collection-title']}"
    identifier = reference.get("url") or local("paper", reference["title"])
    return once(crate, identifier, "ScholarlyArticle", about)
