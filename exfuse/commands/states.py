"""Where a job's training saves itself."""

import platform

from exfuse.provenance import code_version
from exfuse.spec.graph import Graph, Job
from exfuse.training.state import StateFolder


def states_of(graph: Graph, job: Job) -> StateFolder:
    """The states of a job's training, which note the code and the machine of each process that had a share in it."""
    return StateFolder(graph.layout.training(job.name), job.key, {"code": code_version(), "host": platform.node()})
