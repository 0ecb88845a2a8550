"""Sums of gradients over processes that depend on nothing but the gradients, to the last bit.

``DistributedDataParallel`` lays gradients out in buckets, in another order after its first step than in it. The order
in which an all-reduce adds up the processes' numbers depends on where they lie, so that a training of three or more
that goes on from a state would end with other last bits than one left alone. Here each number is added up in the
order of the processes, wherever it lies.
"""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.futures import Future
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel


def add_up_in_order(joined: DistributedDataParallel) -> None:
    """Has a model's gradients averaged in the order of the processes, as many bytes sent as by an all-reduce."""
    joined.register_comm_hook(None, _averaged)


def _averaged(state: None, bucket: dist.GradBucket) -> Future[Tensor]:  # type: ignore[name-defined]
    buffer = bucket.buffer()
    buffer.copy_(sum_in_order(buffer)).div_(dist.get_world_size())
    done: Future[Tensor] = Future(devices=[buffer.device] if buffer.is_cuda else None)
    done.set_result(buffer)
    return done


def sum_in_order(values: Tensor) -> Tensor:
    """The sum over all processes of a vector (N,): each adds up a part of it and sends that to all."""
    size = dist.get_world_size()
    own = functional.pad(values, (0, -len(values) % size))
    parts = torch.empty_like(own)
    dist.all_to_all_single(parts, own)
    first, *others = parts.chunk(size)
    for part in others:
        first += part
    dist.all_gather_into_tensor(own, first)
    return own[: len(values)]
