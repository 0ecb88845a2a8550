# Loads the spec, locks the folder, and translates keys to Snakemake's clocks (exfuse/bridge.py).
import re
import shlex
import signal
import sys
from pathlib import Path

from exfuse.bridge import Bridge
from exfuse.commands.gpus import visible_gpus
from exfuse.errors import UserError


def stop(error):
    """Ends with a user's error as one message, without a traceback."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


try:
    bridge = Bridge(Path(), config)
    if workflow.is_main_process:
        bridge.mark()
except UserError as error:
    stop(error)


if workflow.is_main_process:
    if workflow.local_exec and visible_gpus() and "gpus" not in workflow.global_resources:
        workflow.register_resource("gpus", len(visible_gpus()))  # no more jobs at once than there are GPUs for
else:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # Slurm warns every process of a job: only trainings may heed it


onstart:
    try:
        bridge.lock()  # a dry run or a report never comes here, nor a call with nothing to do
        if workflow.local_exec:  # when a cluster's queue lets jobs run cannot be predicted
            bridge.predict(workflow.cores)
    except UserError as error:
        stop(error)


onsuccess:
    print(bridge.closing())


GRAPH = bridge.graph
EXFUSE = bridge.command
BASE = f"results/{bridge.preset}"
LOGS = f"{BASE}/logs"
THREADS = GRAPH.spec.preset.hardware.threads
MOST_CORES = 16  # for what takes any number: as many as one process that writes can keep busy


# Seconds each, and without torch: a cluster's queue would take longer.
localrules:
    set,
    table,
    figure,
    chart,
    gallery,
    claims,
    html,
    crate,


# Who ends a job sends SIGTERM to its shell too, which then still waits for what it runs.
shell.prefix(f"set -euo pipefail; trap : TERM; export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")


wildcard_constraints:
    publisher="voc|voc-test|sbd|coco|imagenet|own",
    set="train|trainaug|trainval|coco|val|test",
    backbone="[^/]+",
    run="[^/]+",
    seed=r"\d+",
    stage="coco|trainaug|train|trainval",
    table=r"table\d+",
    figure=r"figure\d",
    chart=r"(?!gallery\.)[a-z-]+",  # gallery.json lies in the figures' folder too


def upstream(pattern):
    """An input function: the manifests that the job named by the pattern reads; ancient where the job is fresh."""

    def inputs(wildcards):
        try:
            settings = workflow.dag_settings
            found = bridge.inputs(pattern.format(**wildcards), settings.forcerun, settings.forceall)
        except UserError as error:
            stop(error)
        return [*found.timed, *map(ancient, found.ancient)]

    return inputs


def one_of(names):
    """A pattern for wildcards that matches one of some names."""
    return "|".join(re.escape(name) for name in names)


def made(kind):
    """The files and manifests of all jobs of a kind that the preset can make."""
    jobs = [job for name, job in GRAPH.jobs.items() if name.startswith(kind)]
    return [str(path) for job in jobs for path in (*job.outputs, job.manifest)]
