"""The workflow, the program whose verbs are its jobs, and the libraries beneath."""

from collections.abc import Mapping
from typing import Any

from rocrate.model import Entity
from rocrate.model.computerlanguage import get_lang
from rocrate.rocrate import ROCrate

from exfuse.files import digest
from exfuse.reporting.crate.parts import content, file, local, once
from exfuse.spec.graph import Graph
from exfuse.spec.graph.reporting import WORKFLOW

MAIN = WORKFLOW[0]
PROGRAM = "exfuse"
HOMES = {
    "numpy": "https://numpy.org",
    "pillow": "https://python-pillow.github.io",
    "python": "https://www.python.org",
    "safetensors": "https://github.com/huggingface/safetensors",
    "scipy": "https://scipy.org",
    "snakemake": "https://snakemake.github.io",
    "timm": "https://github.com/huggingface/pytorch-image-models",
    "torch": "https://pytorch.org",
    "torchvision": "https://pytorch.org/vision",
}
"""Where each library is at home."""
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"


def workflow(crate: ROCrate, graph: Graph, version: str, about: Mapping[str, Any]) -> Entity:
    """The Snakefile as the crate's main workflow; the rules that it includes are its parts.

    Args:
        crate: that holds it.
        graph: whose copy of the sources is there.
        version: of the code.
        about: what holds of the workflow besides: author, licence, home.
    """
    once(crate, BIOSCHEMAS, "CreativeWork", {"name": "ComputationalWorkflow", "version": "1.0-RELEASE"})
    rules = [_source(crate, graph, name, {"name": name}) for name in WORKFLOW[1:]]
    words = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "The paper as a graph of jobs",
        "description": "From the publishers' archives to the paper's tables; what depends on what is in params/.",
        "programmingLanguage": crate.add(get_lang(crate, "snakemake")),
        "conformsTo": {"@id": BIOSCHEMAS},
        "version": version,
        "hasPart": rules,
        **about,
    }
    crate.mainEntity = _source(crate, graph, MAIN, words)
    return crate.mainEntity


def program(crate: ROCrate, code: str, python: str, libraries: Mapping[str, str]) -> Entity:
    """One version of this package with one set of libraries."""
    used = [library(crate, name, version) for name, version in sorted({"python": python, **libraries}.items())]
    known = ",".join(f"{one['name']}={one['softwareVersion']}" for one in used)
    about = {"name": PROGRAM, "softwareVersion": code, "softwareRequirements": used}
    return once(crate, local("exfuse", f"{code}/{known}"), "SoftwareApplication", about)


def library(crate: ROCrate, name: str, version: str) -> Entity:
    """One version of a library."""
    about = {"name": name, "softwareVersion": version}
    if name in HOMES:
        about["url"] = HOMES[name]
    return once(crate, local("library", f"{name}/{version}"), "SoftwareApplication", about)


def _source(crate: ROCrate, graph: Graph, name: str, about: Mapping[str, Any]) -> Entity:
    path = graph.layout.source(name)
    shown = path.relative_to(graph.layout.base).as_posix()
    return file(crate, shown, {**about, **content(digest(path), path.stat().st_size)})
