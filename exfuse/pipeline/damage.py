"""Files that are no longer what was made, and objects of DVC's cache that are not what their names say.

DVC takes what lies write-protected in its cache for whole, and what a remote gives, unless the remote's `verify` is on.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from exfuse.errors import UserError
from exfuse.files import digest, read_bytes, read_csv, read_json
from exfuse.spec.graph import Job

FOLDER = ".dir"
"""Ends the name of an object that lists a folder's files."""


def damaged_files(jobs: Iterable[Job]) -> list[Path]:
    """Outputs that are not what their manifests say; those that are missing are not counted."""
    return [path for job in jobs for path in job.outputs if path.is_file() and digest(path) != _recorded(job, path)]


def _recorded(job: Job, path: Path) -> str | None:
    try:
        digest_of: str = read_json(job.manifest)["outputs"][str(path.relative_to(job.manifest.parent))]["sha256"]
    except (UserError, KeyError, TypeError):
        return None
    return digest_of


def lacks_pictures(job: Job) -> bool:
    """Whether images or masks that a publisher's index names are gone; no manifest lists them, they are too many."""
    if not job.name.startswith("data/") or job.manifest.with_name("index.csv") not in job.outputs:
        return False
    folder = job.manifest.parent
    there = {
        f"{folder.name}/{kind}/{entry.name}"
        for kind in ("images", "masks")
        if (folder / kind).is_dir()
        for entry in os.scandir(folder / kind)
    }
    rows = read_csv(folder / "index.csv")
    return any(row[kind] and row[kind] not in there for row in rows for kind in ("image", "mask"))


def damaged_objects(lock: Path, cache: Path) -> list[Path]:
    """Objects of a cache that `dvc.lock` names and whose content has another md5.

    Args:
        lock: `dvc.lock`; where there is none, nothing is recorded.
        cache: DVC's folder of objects, as `dvc cache dir` says.
    """
    if not lock.is_file():
        return []
    objects = (_object(cache, name) for name in sorted(_names(lock)))
    return [path for path in _with_content(objects, cache) if digest(path, "md5") != _name(path)]


def _names(lock: Path) -> set[str]:
    """Objects that are named; a killed DVC may leave an output without one (``md5: null``)."""
    try:
        tree = yaml.load(read_bytes(lock), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        outs = [out for stage in (tree.get("stages") or {}).values() for out in stage.get("outs", [])]
        return {out["md5"] for out in outs if out["md5"] is not None}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{lock}: cannot be understood ({type(error).__name__}). Delete it; `exfuse dvc record` writes it anew."
        ) from error


def _with_content(objects: Iterable[Path], cache: Path) -> Iterator[Path]:
    """Those that are there, each folder's followed by its files'."""
    for path in objects:
        if not path.is_file():
            continue
        yield path
        if path.suffix == FOLDER and digest(path, "md5") == _name(path):
            files = {_object(cache, entry["md5"]) for entry in read_json(path)}
            yield from (file for file in sorted(files) if file.is_file())


def _object(cache: Path, name: str) -> Path:
    return cache / "files" / "md5" / name[:2] / name[2:]


def _name(path: Path) -> str:
    return path.parent.name + path.name.removesuffix(FOLDER)
