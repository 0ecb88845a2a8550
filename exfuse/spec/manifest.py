"""A job's manifest: the key under which it made its outputs, and their digests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import digest, read_json, write_json


def write(
    manifest: Path, *, job: str, key: str, settings: Mapping[str, Any], upstream: Mapping[str, str],
    outputs: Sequence[Path],
) -> None:  # fmt: skip
    """Writes a manifest, last of a job's files, so that it stands for their completeness.

    It holds nothing that differs between two machines with the same spec and data.
    """
    files = {
        str(path.relative_to(manifest.parent)): {"sha256": digest(path), "bytes": path.stat().st_size}
        for path in sorted(outputs)
    }
    write_json(manifest, {"job": job, "key": key, "settings": settings, "upstream": dict(upstream), "outputs": files})


def provenance_file(manifest: Path) -> Path:
    """Where what is volatile about a job lies: ``x.provenance.json`` beside ``x.manifest.json``."""
    return manifest.with_name(manifest.name.replace("manifest.json", "provenance.json"))


def recorded_key(manifest: Path) -> str | None:
    """The key in a manifest; none where there is no readable one."""
    try:
        content = read_json(manifest)
    except UserError:
        return None
    key = content.get("key") if isinstance(content, dict) else None
    return key if isinstance(key, str) else None
