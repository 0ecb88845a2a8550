"""Names of jobs that depend on much the same, for tests of keys."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

REPORT = ["report", "crate"]
CURVES = ["figures/learning-curves", "figures/costs-chart"]
ABLATIONS = ["figures/per-class", "figures/boundary", "figures/confusion", "figures/object-size"]
SEEN = ["figures/figure7", "gallery"]
FIGURES = [*SEEN, *CURVES, *ABLATIONS]
TRACED = ["models/architecture", "figures/figure[2-6]"]
COSTS = ["models/costs"]
PROBED = ["models/probes", "figures/figure1"]
NETWORKS = [*TRACED, *COSTS, *PROBED]
SEGMENTATION = ["runs/*", "tables/*", "claims", *FIGURES, *PROBED, *REPORT]
SUPERVISED = [
    "runs/gcn-resnet50-ss/*", "runs/ss/*", "runs/ss-*", "runs/exfuse*", "tables/table[2-8]", "claims",
    *FIGURES, *NETWORKS, *REPORT,
]  # fmt: skip


def matching(patterns: Iterable[str], jobs: Iterable[str]) -> set[str]:
    """The jobs that some patterns name; each has to name one."""
    jobs = set(jobs)
    found = set()
    for pattern in patterns:
        hits = {job for job in jobs if fnmatchcase(job, pattern)}
        assert hits, f"no job is called {pattern}"
        found |= hits
    return found
