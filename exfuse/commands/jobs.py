"""How every job begins and ends: upstream checked, outputs written by the body, manifest and provenance last."""

import os
import shlex
import shutil
import sys
import time
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
        UserError: the preset has no such job, what it reads was not made from the present spec, or the environment
            holds a part of what `torchrun` sets.
    """
    job = graph.job(name)
    rank = _rank()
    for other in (*job.upstream, *job.after):
        if not has_expected_key(graph.jobs[other]):
            raise UserError(
                f"{name} reads {other}, which is missing or was made from other settings. "
                f"`{snakemake_command(graph, relative(job.manifest, graph))}` makes both."
            )
    about: dict[str, Any] = {}
    end_with_launcher()
    if rank:
        with ended_like_by_ctrl_c():
            yield job, about
        return
    taken = graph.spec.resources(rule_of(graph, name))
    if taken.team > 1 and rank is None:
        if MASTER not in os.environ:
            with _sole_worker(graph, job):  # an earlier call's training ends before its GPUs are waited for
                pass
        launch(name, taken, graph.spec.preset.hardware)
    with _sole_worker(graph, job):
        yield job, about
        _finish(graph, job, about)


@contextmanager
def running_as_far_as_made(graph: Graph, name: str) -> Iterator[None]:
    """A job whose output says itself what it lacks: as :func:`running`, but not refused where something upstream is
    missing or stale, unless nothing at all is made. It then leaves no manifest, so that the graph makes it again.

    Raises:
        SystemExit, UserError: as there.
    """
    job = graph.job(name)
    lacking = [other for other in job.upstream if not has_expected_key(graph.jobs[other])]
    if not lacking or not any(has_expected_key(other) for other in graph.jobs.values()):
        with running(graph, name):
            yield
        return
    with _sole_worker(graph, job):
        job.manifest.unlink(missing_ok=True)
        yield
    print(
        f"{name}: partial, {len(lacking)} of the {len(job.upstream)} jobs that it reads are missing or were made from "
        f"other settings. `{snakemake_command(graph, relative(job.manifest, graph))}` makes the rest.",
        file=sys.stderr,
    )


def _rank() -> int | None:
    """The number of this process among those that share a training; none: it is alone, or starts them.

    Raises:
        UserError: the environment holds a part of what `torchrun` sets.
    """
    number = os.environ.get("RANK")
    if number is None:
        return None
    missing = [name for name in ("WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing or not number.isdecimal():
        raise UserError(
            f"the environment holds RANK={number}, as of `torchrun`, without {', '.join(missing) or 'a number in it'}. "
            "If it is left over from something else, `unset RANK`."
        )
    return int(number)


@contextmanager
def _sole_worker(graph: Graph, job: Job) -> Iterator[None]:
    """Holds the job's lock, unless a process that was waited for has just made what is asked for.

    It has if the manifest is newer than its lock: what was made before is what the present call is to make again.
    """
    place = graph.layout.lock(job.name)
    began = _changed(place) or time.time_ns()
    with sole_worker(place) as waited:
        if waited and _changed(job.manifest) > began and has_expected_key(job) and is_complete(job):
            if "RANK" in os.environ:  # the others would wait for this process
                raise Interrupted(f"{job.name}: the process that was waited for has made it")
            print(f"{job.name}: the process that was waited for has made it", file=sys.stderr)
            raise SystemExit(0)
        yield


def _changed(path: Path) -> int:
    """When a file was last written, in nanoseconds; 0: there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


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
