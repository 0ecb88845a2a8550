"""Where a job of the graph runs: on the GPUs that it holds, and never by mistake on the processor beside them."""

import os
import resource
import sys
from typing import Any

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


def used(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """What a job took of a machine, for its provenance: device and largest memory of this process, in MB.

    Args:
        device: of this process.
        processes: that shared the job, each with a GPU of its own where there is one.
    """
    found: dict[str, Any] = {
        "device": str(device),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if device.type == "cuda":
        found |= {
            "gpu": torch.cuda.get_device_name(device),
            "gpus": processes,
            "peak_gpu_memory_mb": torch.cuda.max_memory_allocated(device) >> 20,
        }
    return found
