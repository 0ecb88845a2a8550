"""Which jobs have to run: those whose recorded key is not the expected one, and what those need. No clocks."""

from collections.abc import Mapping
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import is_file, read_json
from exfuse.spec.graph import Graph, Job
from exfuse.spec.manifest import recorded_key
from exfuse.spec.raw import Digests

LOOKED_AT = ("tables/", "figures/", "gallery", "claims", "report", "crate")
"""Jobs whose files people open: they are missed even where no job that reads them has to run."""


WEIGHTS = "weights.safetensors"


def has_expected_key(job: Job) -> bool:
    """Whether a job's manifest says that it was made from what the spec asks for now."""
    return recorded_key(job.manifest) == job.key


def is_complete(job: Job) -> bool:
    """Whether a job's outputs are all there; a clone may lack weights, or someone deleted them to save space."""
    return all(is_file(path) for path in job.outputs)


def stale_jobs(graph: Graph) -> frozenset[str]:
    """Names of all jobs that have to run.

    A job whose key is not the expected one has to run; so does everything downstream, since keys hold those upstream.
    A job with the expected key whose files are gone runs only where people look at them, or where a job that reads them
    has to run. What the paper prints is made of curves and evaluations; it reads no weights.
    """
    stale: set[str] = set()
    needed = {name for name in graph.jobs if _is_looked_at(name)}
    loaded: set[str] = set()
    for name, job in reversed(list(graph.jobs.items())):
        lacks_files = not is_complete(job) if name in loaded else name in needed and not _is_readable(job)
        if not has_expected_key(job) or lacks_files:
            stale.add(name)
            (needed if name.startswith(LOOKED_AT) else loaded).update((*job.upstream, *job.after))
    archives = graph.jobs.get("archives")
    if archives and "archives" not in stale and is_complete(archives) and not _intact(archives, graph.spec.root):
        stale.add("archives")
    return frozenset(stale)


def _is_readable(job: Job) -> bool:
    """Whether all but a job's weights are there."""
    return all(is_file(path) for path in job.outputs if path.name != WEIGHTS)


def _is_looked_at(name: str) -> bool:
    return name.startswith(LOOKED_AT) or (name.startswith("runs/") and name.endswith("/test"))


def _intact(job: Job, root: Path) -> bool:
    """Whether generated archives still hold what their manifest says."""
    digests = Digests(root / ".exfuse" / "archives.json")
    try:
        recorded: Mapping[str, Mapping[str, object]] = read_json(job.manifest)["outputs"]
        files = {path: recorded[str(path.relative_to(job.manifest.parent))] for path in job.outputs}
        return all(digests.of(path) == f"sha256:{file['sha256']}" for path, file in files.items())
    except (UserError, KeyError, TypeError):
        return False
