"""One job of the graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job: what it makes from what.

    Attributes:
        name: its path-like name ("runs/ss-lr/seed0/trainaug").
        manifest: where it records its key, last of its outputs.
        outputs: its other declared outputs.
        upstream: names of the jobs whose outputs it reads.
        settings: its own slice of the spec, as plain data.
        key: the hash of all this.
        after: jobs that have to be done first though its outputs do not depend on them: what a training that scores
            itself reads for the scoring.
    """

    name: str
    manifest: Path
    outputs: tuple[Path, ...]
    upstream: tuple[str, ...]
    settings: Mapping[str, Any] = field(hash=False)
    key: str
    after: tuple[str, ...] = ()
