"""`exfuse status` and `exfuse times`: what is fresh, what has to run, and what it took."""

import time
from collections import defaultdict
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json
from exfuse.spec.freshness import has_expected_key, is_complete, stale_jobs
from exfuse.spec.graph import Graph, Job
from exfuse.spec.manifest import provenance_file
from exfuse.spec.rules import rule_of
from exfuse.training.notes import usable

TRAININGS = ("pretraining", "fine_tuning")
"""Settings of jobs that train, with the number of their steps."""


def status(graph: Graph) -> list[str]:
    """One line a job: fresh, fresh without its files, or to run; where a training was interrupted, from which step."""
    stale = stale_jobs(graph)
    lines = [
        f"{_state(job, job.name in stale):8} {name}{_goes_on_from(graph, job) if name in stale else ''}"
        for name, job in graph.jobs.items()
    ]
    return [*lines, f"{len(graph.jobs) - len(stale)} of {len(graph.jobs)} jobs are fresh"]


def _state(job: Job, stale: bool) -> str:
    if stale:
        return "to run"
    return "fresh" if has_expected_key(job) and is_complete(job) else "no files"


def _goes_on_from(graph: Graph, job: Job) -> str:
    """What the job's training has saved, as its note says: whether the state is whole, the training itself looks."""
    steps = next((job.settings[name]["steps"] for name in TRAININGS if name in job.settings), None)
    saved = usable(graph.layout.training(job.name), job.key)
    if steps is None or saved is None:
        return ""
    at = time.localtime(saved.at)
    clock = time.strftime("%H:%M" if at[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M", at)
    return f"  from step {saved.step} of {steps}, saved {clock}" + (f" on {saved.host}" if saved.host else "")


def times(graph: Graph) -> list[str]:
    """One line a rule: how many jobs, seconds in all, the longest, the dearest start, the largest memory.

    The start is what a training took of the processor until its first step: imports, network, data.
    """
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in graph.jobs.values():
        try:
            content = read_json(provenance_file(job.manifest))
            kinds[rule_of(graph, job.name)].append({"wall": content["seconds"]["wall"], **content})
        except (UserError, KeyError, TypeError):
            continue
    lines = [f"{'rule':14} {'count':>5} {'seconds':>8} {'longest':>8} {'start':>8} {'memory':>8}"]
    everything = [entry for done in kinds.values() for entry in done]
    if everything:
        kinds["all"] = everything
    for kind, done in kinds.items():
        walls = [float(entry["wall"]) for entry in done]
        start = max((float(entry["seconds"].get("ready", {}).get("cpu", 0.0)) for entry in done), default=0.0)
        memory = max((int(entry.get("peak_memory_mb", 0)) for entry in done), default=0)
        shown = (f"{start:.1f} CPU" if start else "", f"{memory} MB" if memory else "")
        lines.append(f"{kind:14} {len(done):5} {sum(walls):8.1f} {max(walls):8.1f} {shown[0]:>8} {shown[1]:>8}")
    return lines
