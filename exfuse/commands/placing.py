"""Where a job of the graph runs: on the GPUs that it holds, and never by mistake on the processor beside them."""

import os
import sys

import torch

from exfuse.commands.gpus import visible_gpus
from exfuse.errors import UserError
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Hardware
from exfuse.training import device as devices


def prepared(graph: Graph, rule: str, hardware: Hardware, seed: int) -> torch.device:
    """The device of a job, as :func:`exfuse.training.device.prepare` gives it.

    Raises:
        UserError: the job should have a GPU, one is there or was paid for, and torch cannot use it.
    """
    device = devices.prepare(hardware, seed)
    if device.type == "cpu" and hardware.device != "cpu" and graph.spec.resources(rule).gpus:
        if visible_gpus() or "SLURM_JOB_ID" in os.environ:
            raise UserError(
                "torch finds no GPU that it can use, and this job holds one. Look at the driver (`nvidia-smi`), or set "
                "`hardware.device: cpu` in the preset."
            )
        print("no GPU here: this runs on the processor, which takes very much longer", file=sys.stderr)
    return device
