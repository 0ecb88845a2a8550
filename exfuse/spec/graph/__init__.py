"""The graph of jobs that a spec asks for: the one place where dependencies are written."""

from exfuse.spec.graph.data import SET_SOURCES
from exfuse.spec.graph.graph import Graph
from exfuse.spec.graph.inspection import BASELINE, EXFUSE, PROBED_RUNS, probed_runs
from exfuse.spec.graph.job import Job
from exfuse.spec.graph.reporting import ABLATION, CHARTS, FIGURES, SIZE_EFFECTS, SPLIT_TABLES, figure7_runs, stands_in

__all__ = [
    "ABLATION",
    "BASELINE",
    "CHARTS",
    "EXFUSE",
    "FIGURES",
    "PROBED_RUNS",
    "SET_SOURCES",
    "SIZE_EFFECTS",
    "SPLIT_TABLES",
    "Graph",
    "Job",
    "figure7_runs",
    "probed_runs",
    "stands_in",
]
