"""Which jobs have to run: those whose recorded key is not the expected one, and what those need. No clocks."""

from collections.abc import Mapping
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import read_json
from exfuse.spec.graph import Graph, Job
from exfuse.spec.manifest import recorded_key
from exfuse.spec.raw import Digests


def has_expected_key(job: Job) -> bool:
    """Whether a job's manifest says that it was made from what the spec asks for now."""
    return recorded_key(job.manifest) == job.key


def is_complete(job: Job) -> bool:
    """Whether a job's outputs are all there; a clone may lack weights, or someone deleted them to save space."""
    return all(path.is_file() for path in job.outputs)


def stale_jobs(graph: Graph) -> frozenset[str]:
    """Names of all jobs that have to run.

    A job whose key is not the expected one has to run; so does everything downstream, since keys hold those upstream.
    A job with the expected key whose files are gone runs only where a job that reads them has to.
    """
    stale: set[str] = set()
    needed: set[str] = set()
    for name, job in reversed(list(graph.jobs.items())):
        if not has_expected_key(job) or (name in needed and not is_complete(job)):
            stale.add(name)
            needed.update((*job.upstream, *job.after))
    archives = graph.jobs.get("archives")
    if archives and "archives" not in stale and is_complete(archives) and not _intact(archives, graph.spec.root):
        stale.add("archives")
    return frozenset(stale)


def _intact(job: Job, root: Path) -> bool:
    """Whether generated archives still hold what their manifest says."""
    digests = Digests(root / ".exfuse" / "archives.json")
    try:
        recorded: Mapping[str, Mapping[str, object]] = read_json(job.manifest)["outputs"]
        files = {path: recorded[str(path.relative_to(job.manifest.parent))] for path in job.outputs}
        return all(digests.of(path) == f"sha256:{file['sha256']}" for path, file in files.items())
    except (UserError, KeyError, TypeError):
        return False
