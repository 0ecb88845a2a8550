"""From keys to Snakemake's clocks: which inputs a rule gets so that exactly the stale jobs run.

Snakemake knows files and times; this project knows keys (``exfuse.spec.freshness``). The bridge translates:

- A fresh job's inputs are *ancient*: whatever their times, they trigger nothing. So a clone with random times, a
  deleted ``.snakemake`` or a touched file reruns nothing.
- A stale job also depends on one stamp file, which the main process rewrites with unique content (Snakemake compares
  the checksums of small files) each time that it reads the Snakefile, and its old outputs are made old.

Modification times are changed of outputs that are about to be replaced, and of manifests from the future: Snakemake
fails a job whose output is older than one of its inputs, ancient or not. Where such a file is a link into DVC's cache,
a copy takes its place before: the cache's times and permissions are not this clone's alone.
"""

import math
import os
import shlex
import shutil
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO

from exfuse.commands.archives import require_raw_data
from exfuse.commands.status import times
from exfuse.errors import UserError
from exfuse.files import atomic_path, require_writable, write_text
from exfuse.locks import is_taken
from exfuse.planning.prediction import record
from exfuse.spec.freshness import stale_jobs
from exfuse.spec.graph import Graph, Job
from exfuse.spec.load import load
from exfuse.spec.rules import rule_of

DRY_RUN_SECONDS = 2.0
"""A dry run holds the lock for a moment while it marks; a run waits that long before it is refused."""
LONG_AGO = 86400
"""A modification time in 1970: older than anything a job could depend on."""


@dataclass(frozen=True)
class Inputs:
    """What a rule reads.

    Attributes:
        timed: upstream manifests and the stamp, of a stale job.
        ancient: manifests whose times mean nothing: all of a fresh job, and those that it only has to wait for.
    """

    timed: list[str]
    ancient: list[str]


class Bridge:
    """The graph of one preset as Snakemake sees it.

    Args:
        root: the repository.
        settings: what ``--config`` gave: ``preset``, ``data``, ``data_root``.
    """

    def __init__(self, root: Path, settings: Mapping[str, object]) -> None:
        overrides = {key: str(value) for key, value in settings.items() if key != "preset"}
        preset = settings.get("preset")
        spec = load(root, None if preset is None else str(preset), overrides)
        self.preset = spec.preset.name
        self.graph = Graph(spec)
        self.stamp = root / ".exfuse" / "stamp"
        options = {"preset": self.preset, **overrides}
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
        self.command = shlex.join(["exfuse", *words])
        self._asked: set[str] = set()

    @cached_property
    def stale(self) -> frozenset[str]:
        """Names of the jobs that have to run."""
        return stale_jobs(self.graph)

    def inputs(self, name: str, forced: Collection[str] = (), everything: bool = False) -> Inputs:
        """What the rule of a job reads. Old files of a job that is to be made again become its own, if they were links.

        Args:
            name: the job.
            forced: what ``--forcerun`` names, rules or files; such jobs and those downstream are made again.
            everything: whether ``--forceall`` stands there.

        Raises:
            UserError: the preset has no such job.
        """
        job = self.graph.job(name)
        self._asked.add(name)
        upstream = [str(self.graph.jobs[other].manifest) for other in job.upstream]
        after = [str(self.graph.jobs[other].manifest) for other in job.after]
        redone = everything or name in self._redone(frozenset(forced))
        if redone:
            _detach(job)
        if redone or name in self.stale:
            return Inputs(timed=[*upstream, str(self.stamp)], ancient=after)
        # Snakemake would make a missing input again, and this job with it: what a fresh job was made from may be gone
        return Inputs(timed=[], ancient=[path for path in (*upstream, *after) if Path(path).is_file()])

    @lru_cache(maxsize=1)  # noqa: B019 - one bridge lives as long as its process
    def _redone(self, forced: frozenset[str]) -> frozenset[str]:
        """The jobs that ``--forcerun`` names, and all downstream."""
        found: set[str] = set()
        for name, job in self.graph.jobs.items():
            files = {str(path) for path in (*job.outputs, job.manifest)}
            if forced & {rule_of(self.graph, name), *files} or found.intersection(job.upstream):
                found.add(name)
        return frozenset(found)

    def resources(self, rule: str) -> dict[str, int | str]:
        """What a rule's jobs take, in the words of Snakemake and of its plugin for Slurm.

        ``gpus`` is what Snakemake counts on one machine, ``gres`` what Slurm is asked for of each node.
        """
        taken = self.graph.spec.resources(rule)
        found: dict[str, int | str] = {
            "mem_mb": math.ceil(taken.memory_gb * 1024),
            "runtime": math.ceil(taken.hours * 60),
            "nodes": taken.nodes,
        }
        if taken.gpus:
            found |= {"gpus": taken.gpus, "gres": f"gpu:{taken.gpus}"}
        elif taken.nodes > 1:
            found["tasks"] = taken.nodes
        if taken.partition is not None:
            found["slurm_partition"] = taken.partition
        return found

    def threads(self, rule: str) -> int:
        """How many cores of a node the processes of a rule's job use together."""
        return self.graph.spec.preset.hardware.threads * self.graph.spec.resources(rule).processes_per_node

    def mark(self) -> None:
        """Makes the stale jobs' old outputs old and the stamp new, as each main process does on reading the Snakefile.

        Where another Snakemake works, nothing is touched: a dry run beside it may look, a second run is refused later.

        Raises:
            UserError: the folder cannot be written.
        """
        with self._open_lock() as handle:
            if is_taken(handle.fileno(), Path(handle.name)):
                self._check_folders()
                self._mark()

    def _check_folders(self) -> None:
        """Snakemake itself makes the folders of outputs, and answers a refusal with a traceback."""
        folders = [self.graph.layout.base] if self.stale else []
        if "archives" in self.stale:
            folders.append(self.graph.spec.archive_folder)
        for folder in folders:
            require_writable(folder)
        for name in self.stale:
            job = self.graph.jobs[name]
            for path in (*job.outputs, job.manifest, self.graph.layout.log(name)):
                if path.is_symlink() and not path.exists():
                    raise UserError(
                        f"{path} is a link to a file that is gone. Is DVC's cache where it was? `dvc checkout` links "
                        "anew; else delete the link."
                    )
                folder = next(parent for parent in path.absolute().parents if parent.exists())
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise UserError(f"cannot write {folder}, where {name} belongs. Give the folder write permission.")

    def _mark(self) -> None:
        write_text(self.stamp, f"{uuid.uuid4()}\n")
        for name in self.stale:
            _detach(self.graph.jobs[name])
            for path in _existing(self.graph.jobs[name]):
                _set_time(path, LONG_AGO)
        now = time.time()
        for job in self.graph.jobs.values():
            if job.manifest.exists() and job.manifest.stat().st_mtime > now:
                _detach_file(job.manifest)
                _set_time(job.manifest, now)

    def lock(self) -> None:
        """Takes the folder for this process until it ends, however it ends, once all raw data are seen to be there.

        Raises:
            UserError: another Snakemake works here, the folder cannot be written, or raw data are missing.
        """
        handle = self._open_lock()
        deadline = time.monotonic() + DRY_RUN_SECONDS
        while not (taken := is_taken(handle.fileno(), Path(handle.name))) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not taken:
            holder = handle.read().strip() or "unknown"
            raise UserError(
                f"another snakemake works in this folder (process {holder}); wait for it, or stop it with Ctrl-C there."
            )
        try:
            handle.truncate(0)
            handle.write(f"{os.getpid()}\n")
            handle.flush()
        except OSError as error:
            raise UserError(f"cannot write {handle.name}: {error.strerror}. Snakemake needs to write here.") from error
        self._held = handle
        self._check_raw_data()

    def _check_raw_data(self) -> None:
        """One message about all that is missing, rather than one a job among Snakemake's lines."""
        if self.graph.spec.folder.generated is None:
            needed = {name.removeprefix("data/") for name in self._asked & self.stale if name.startswith("data/")}
            require_raw_data(self.graph, needed)

    def _open_lock(self) -> IO[str]:
        place = self.stamp.with_name("lock")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = open(place, "a+")  # noqa: SIM115 - the caller closes it, or holds it until the process ends
        except OSError as error:
            raise UserError(f"cannot write {place}: {error.strerror}. Snakemake needs to write here.") from error
        handle.seek(0)
        return handle

    def predict(self, cores: int) -> None:
        """Records what the jobs of this run should take, for the report to hold against what they took."""
        record(self.graph, self._asked & self.stale, cores)

    def closing(self) -> str:
        """What to say after a run that succeeded: what each kind of job took."""
        return "\n".join(times(self.graph))


def _set_time(path: Path, seconds: float) -> None:
    try:
        os.utime(path, (seconds, seconds))
    except OSError as error:
        raise UserError(f"cannot change the time of {path}: {error.strerror}. Is it another user's?") from error


def _existing(job: Job) -> list[Path]:
    return [path for path in (*job.outputs, job.manifest) if path.exists()]


def _detach(job: Job) -> None:
    """Makes a job's files its own: Snakemake does not replace what may not be written, as all that DVC links is."""
    for path in _existing(job):
        _detach_file(path)


def _detach_file(path: Path) -> None:
    if path.is_symlink() or path.stat().st_nlink > 1 or not os.access(path, os.W_OK):
        with atomic_path(path) as temporary:
            shutil.copyfile(path, temporary)
