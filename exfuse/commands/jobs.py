"""How every job begins and ends: upstream checked, outputs written by the body, manifest and provenance last."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exfuse import provenance
from exfuse.commands.launch import MASTER, end_with_launcher, launch
from exfuse.commands.lock import ended_like_by_ctrl_c, sole_worker
from exfuse.errors import Interrupted, UserError
from exfuse.spec import manifest
from exfuse.spec.freshness import has_expected_key, is_complete
from exfuse.spec.graph import Graph, Job
from exfuse.spec.rules import rule_of


@contextmanager
def running(graph: Graph, name: str) -> Iterator[tuple[Job, dict[str, Any]]]:
    """A job and a dictionary for what its provenance should say besides; at the end its manifest is written.

    An earlier process that still works on the job is asked to end. A training that several processes share is done by
    others, which this one starts; of these the first holds the job, and writes.

    Raises:
        SystemExit: a process that was waited for has just made what is asked for, or several shared the job.
        UserError: the preset has no such job, or what it reads was not made from the present spec.
    """
    job = graph.job(name)
    for other in (*job.upstream, *job.after):
        if not has_expected_key(graph.jobs[other]):
            raise UserError(
                f"{name} reads {other}, which is missing or was made from other settings. "
                f"`{snakemake_command(graph, relative(job.manifest, graph))}` makes both."
            )
    about: dict[str, Any] = {}
    end_with_launcher()
    if os.environ.get("RANK", "0") != "0":
        with ended_like_by_ctrl_c():
            yield job, about
        return
    taken = graph.spec.resources(rule_of(graph, name))
    if taken.team > 1 and "RANK" not in os.environ:
        if MASTER not in os.environ:
            with _sole_worker(graph, job):  # an earlier call's training ends before its GPUs are waited for
                pass
        launch(name, taken, graph.spec.preset.hardware)
    with _sole_worker(graph, job):
        yield job, about
        _finish(graph, job, about)


@contextmanager
def _sole_worker(graph: Graph, job: Job) -> Iterator[None]:
    """Holds the job's lock, unless a process that was waited for has just made what is asked for."""
    with sole_worker(graph.layout.lock(job.name)) as waited:
        if waited and has_expected_key(job) and is_complete(job):
            if "RANK" in os.environ:  # the others would wait for this process
                raise Interrupted(f"{job.name}: the process that was waited for has made it")
            print(f"{job.name}: the process that was waited for has made it", file=sys.stderr)
            raise SystemExit(0)
        yield


def _finish(graph: Graph, job: Job, about: dict[str, Any]) -> None:
    provenance.write(manifest.provenance_file(job.manifest), **about)
    manifest.write(
        job.manifest,
        job=job.name,
        key=job.key,
        settings=job.settings,
        upstream={other: graph.jobs[other].key for other in job.upstream},
        outputs=job.outputs,
    )
    shutil.rmtree(graph.layout.training(job.name), ignore_errors=True)  # what is finished does not go on from anywhere


def snakemake_command(graph: Graph, target: Path) -> str:
    """What a person types to have a file made under the present preset and settings."""
    settings = {"preset": graph.spec.preset.name, **graph.spec.overrides}
    words = [f"{key}={value}" for key, value in settings.items()]
    return shlex.join(["snakemake", "--cores", "all", "--config", *words, "--", str(target)])


def require_made(graph: Graph, name: str, reason: str | None) -> None:
    """Checks that the preset makes something.

    Args:
        graph: the preset's jobs.
        name: what is asked for.
        reason: why it is not made; none where it is.

    Raises:
        UserError: it is not, and why.
    """
    if reason is not None:
        raise UserError(f"preset '{graph.spec.preset.name}' does not make '{name}': {reason}.")


def relative(path: Path, graph: Graph) -> Path:
    """A path as a person in the repository's root would write it."""
    return path.relative_to(graph.spec.root) if path.is_relative_to(graph.spec.root) else path
