"""The graph of jobs that a spec asks for: the one place where dependencies are written."""

from exfuse.spec.graph.data import SET_PUBLISHERS
from exfuse.spec.graph.graph import Graph
from exfuse.spec.graph.job import Job
from exfuse.spec.graph.reporting import ABLATION, FIGURE7_RUNS, FIGURES

__all__ = ["ABLATION", "FIGURE7_RUNS", "FIGURES", "SET_PUBLISHERS", "Graph", "Job"]
