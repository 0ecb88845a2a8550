"""All jobs of a preset, each with its key.

A job's key is a hash of its name, its own resolved settings, the identities of the raw files that it reads, and the
keys of its upstream jobs. Code is no part of it, nor is any clock.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.spec.graph import data, inspection, reporting, training
from exfuse.spec.graph.job import Job
from exfuse.spec.layout import Layout
from exfuse.spec.paper import Measure
from exfuse.spec.raw import Digests
from exfuse.spec.spec import Spec


class Graph:
    """All jobs of a preset by name, upstream before downstream.

    Args:
        spec: the declared reproduction.
        digests: where content digests of archives come from; none: a cache below the repository's root.
    """

    def __init__(self, spec: Spec, digests: Digests | None = None) -> None:
        self.spec = spec
        self.layout = Layout(spec.preset.name, spec.root)
        self.digests = digests or Digests(spec.root / ".exfuse" / "archives.json")
        self._jobs: dict[str, Job] = {}
        data.add_jobs(self)
        training.add_jobs(self)
        inspection.add_jobs(self)
        reporting.add_jobs(self)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every job that the preset can make."""
        return self._jobs

    def job(self, name: str) -> Job:
        """A job by name.

        Raises:
            UserError: the preset has no such job.
        """
        if name not in self.jobs:
            raise UserError(f"preset '{self.spec.preset.name}' has no job '{name}'; `exfuse status` lists its jobs.")
        return self.jobs[name]

    def measure_jobs(self, measure: Measure) -> tuple[str, ...]:
        """The jobs, one a seed, whose outputs hold an evaluation; none where the preset cannot make it."""
        if self.spec.why_not(measure) is not None:
            return ()
        if measure.backbone is not None:
            return (f"backbones/{measure.backbone}",)
        assert measure.run is not None
        split = self.spec.runs[measure.run].evaluated_on
        names = (f"{self.last_stage(measure.run, seed)}/{split}" for seed in range(self.spec.preset.seeds))
        return tuple(name for name in names if name in self._jobs)

    def why_no_submission(self, run: str) -> str | None:
        """Why the preset writes no archive of a run for the test server; none where it does."""
        reason = self.spec.why_no_run(run)
        if reason is None and not self.measure_jobs(Measure(run=run, metric="test_miou")):
            return "not run: needs VOC's test images"
        return reason

    def last_stage(self, run: str, seed: int) -> str:
        """The job that trains a run's last stage."""
        link = self.spec.chain(run)[-1]
        return f"runs/{link.run}/seed{seed}/{link.stage}"

    def add(
        self,
        name: str,
        manifest: Path,
        outputs: tuple[Path, ...],
        upstream: tuple[str, ...],
        settings: Any,
        after: tuple[str, ...] = (),
    ) -> None:
        """Adds a job and computes its key; those upstream have to be there. Arguments are :class:`Job`'s."""
        keys = {other: self._jobs[other].key for other in upstream}
        identity = json.dumps({"job": name, "settings": settings, "upstream": keys}, sort_keys=True)
        key = hashlib.sha256(identity.encode()).hexdigest()[:32]
        self._jobs[name] = Job(
            name=name, manifest=manifest, outputs=outputs, upstream=upstream, settings=settings, key=key, after=after
        )
