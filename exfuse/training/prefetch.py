"""Batches on the device before a step needs them."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from exfuse.training.task import Task

Batch = tuple[Tensor, Tensor]


def on_device(batches: Iterable[Batch], task: Task, device: torch.device) -> Iterator[Batch]:
    """Moves batches to the device, in their order.

    A GPU gets its copies on a stream of their own: since no step waits for the GPU, the host is ahead of it, and a
    batch is copied while the step before is computed.

    Args:
        batches: images and targets as they were loaded, in page-locked memory where the device is a GPU.
        task: says how images and targets are moved.
        device: where the training runs.
    """
    if device.type != "cuda":
        for batch in batches:
            yield task.to_device(*batch)
        return
    copies = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copies):
            moved = task.to_device(*batch)
        steps = torch.cuda.current_stream(device)
        steps.wait_stream(copies)
        for tensor in moved:
            tensor.record_stream(steps)  # its memory is not given away before the step has read it
        yield moved
