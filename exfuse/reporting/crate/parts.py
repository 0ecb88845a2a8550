"""How the crate's entities are called and made; what is said twice is one entity."""

import math
import mimetypes
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, Entity, File
from rocrate.rocrate import ROCrate

from exfuse.files import encodable

RO_CRATE = "1.1"
"""The version that the profiles below extend."""
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = {
    "environment": "https://w3id.org/ro/terms/workflow-run#environment",
    "sha256": "https://w3id.org/ro/terms/workflow-run#sha256",
}
"""Terms of these profiles that RO-Crate's own context lacks; they stand in the file, so that one context is enough."""
FORMATS = {
    "": "text/plain",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".md": "text/markdown",
    ".npz": "application/zip",
    ".safetensors": "application/octet-stream",
    ".smk": "text/plain",
    ".tar": "application/x-tar",
    ".tex": "application/x-tex",
    ".tgz": "application/gzip",
    ".zip": "application/zip",
}
"""Of suffixes that Python's own list lacks, or calls differently from machine to machine."""


def local(kind: str, name: str) -> str:
    """The id of what is described in the crate and is no file of it."""
    return f"#{quote(encodable(f'{kind}/{name}'))}"


def once(crate: ROCrate, identifier: str, kind: str, properties: Mapping[str, Any]) -> Entity:
    """The entity of an id, which is made where there is none."""
    found: Entity | None = crate.dereference(identifier)
    if found is None:
        found = crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))
    return found


def value(crate: ROCrate, kind: str, name: str, words: Any, **more: Any) -> Entity:
    """A named value; equal ones are one entity."""
    identifier = local(kind, f"{name}={words}")
    return once(crate, identifier, "PropertyValue", {"name": name, "value": plain(words), **more})


def plain(given: Any) -> str | int | float:
    """A value as JSON can hold it in one piece; lists and what JSON lacks, as infinity, in words."""
    if isinstance(given, list | tuple):
        return ", ".join(map(str, given))
    if isinstance(given, str | int) or (isinstance(given, float) and math.isfinite(given)):
        return given
    return "none" if given is None else str(given)


def file(crate: ROCrate, path: str, about: Mapping[str, Any]) -> Entity:
    """A file of the crate, by its path from the crate's folder."""
    place = encodable(path)
    found: Entity | None = crate.dereference(quote(place))
    if found is None:
        found = crate.add(File(crate, dest_path=place, properties={"encodingFormat": format_of(path), **about}))
    return found


def content(sha256: str, size: int | None) -> dict[str, str]:
    """What a file holds: its digest, and its length in bytes, where they are known."""
    known = {"sha256": sha256, "contentSize": "" if size is None else str(size)}
    return {name: words for name, words in known.items() if words}


def format_of(path: str) -> str:
    """The media type of a file, by its name."""
    suffix = PurePosixPath(path).suffix
    return FORMATS.get(suffix) or mimetypes.types_map.get(suffix) or "application/octet-stream"
