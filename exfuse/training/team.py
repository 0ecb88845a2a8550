"""The processes that train one model together: each takes its share of every batch, and all do the same step.

A batch consists of micro-batches (``micro_batch`` of the preset). They are what is shared out, in their order, so that
the number of processes changes nothing but the order of sums: losses are divided by the count of the whole batch,
gradients are added up, and running statistics of batch norm end as if one process had seen the micro-batches in turn.
"""

import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]  # not in its list of names
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from exfuse.errors import UserError
from exfuse.training.gradients import add_up_in_order

T = TypeVar("T")

JOINING_SECONDS = 900.0
"""Processes that start together may wait for each other: the first for an earlier process of the job, 300 s at most."""
POLL_SECONDS = 0.2
SECONDS_TO_SPEAK = 3.0
"""Who ended first says why; meanwhile `torchrun` mostly ends those who could only say that somebody did."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a training, seen from one of them; alone, it is one of one.

    Attributes:
        rank: its number; the first writes what is written.
        size: how many they are.
        control: the group that agrees on when to save and to end, on the processor: a GPU is not waited for.
    """

    rank: int = 0
    size: int = 1
    control: "dist.ProcessGroup | None" = field(default=None, repr=False)

    @property
    def leads(self) -> bool:
        """Whether it is the first."""
        return self.rank == 0

    def check(self, batch_size: int, micro_batch: int) -> None:
        """Whether the micro-batches of a batch can be shared out evenly.

        Raises:
            UserError: they cannot.
        """
        parts = batch_size // micro_batch
        if parts % self.size:
            raise UserError(
                f"{self.size} processes cannot share the {parts} micro-batches of a batch ({batch_size} images, "
                f"`micro_batch` {micro_batch}). Take a number of GPUs that divides {parts}."
            )

    def share(self, batch: Sequence[T]) -> Sequence[T]:
        """Its part of a batch that all know."""
        size = len(batch) // self.size
        return batch[self.rank * size : (self.rank + 1) * size]

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum over all of a tensor, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def summed(self, shares: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """The sums over all of named numbers, of which each has several sets."""
        names = list(shares[0])
        sums = torch.stack([torch.stack([share[name] for name in names]) for share in shares]).sum(0)
        return dict(zip(names, self.add_up(sums).unbind(), strict=True))

    def highest(self, number: int) -> int:
        """The highest of all numbers."""
        if self.size == 1:
            return number
        all_of_it = torch.tensor(number)
        dist.all_reduce(all_of_it, dist.ReduceOp.MAX, group=self.control)
        return int(all_of_it)

    def agree(self, number: int, what: str) -> None:
        """Whether all have the same number.

        Raises:
            UserError: they have not.
        """
        if self.highest(number) != -self.highest(-number):
            raise UserError(f"the processes do not agree on {what}.")

    def gathered(self, own: T) -> list[T]:
        """What each has, in their order: small things, which go through the processor."""
        if self.size == 1:
            return [own]
        found = [own] * self.size
        dist.all_gather_object(found, own, group=self.control)
        return found

    def joined(self, model: nn.Module) -> nn.Module:
        """The model whose gradients are averaged over all, once they are computed outside :meth:`apart`."""
        if self.size == 1 or not any(parameter.requires_grad for parameter in model.parameters()):
            return model
        device = next(model.parameters()).device
        ids = [device.index] if device.type == "cuda" else None
        with warnings.catch_warnings():  # `broadcast_buffers` gets another name, which older versions do not know
            warnings.simplefilter("ignore", FutureWarning)
            joined = DistributedDataParallel(
                model, device_ids=ids, forward_sync_buffers=False, gradient_as_bucket_view=True
            )
        if device.type == "cpu" or torch.are_deterministic_algorithms_enabled():
            add_up_in_order(joined)
        return joined

    def apart(self, joined: nn.Module) -> AbstractContextManager[None]:
        """Where gradients are computed that are not added up yet."""
        if isinstance(joined, DistributedDataParallel):
            return joined.no_sync()
        return nullcontext()


ALONE = Team()


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """The processes that `torchrun` started together with this one; without it, this one alone.

    Raises:
        UserError: another one did not come, or ended before this one.
    """
    if "RANK" not in os.environ:
        yield ALONE
        return
    with _all_are_there():
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        store = _store(rank, size)
        _meet(store, rank, size)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
        try:
            control = dist.new_group(backend="gloo")
            assert isinstance(control, dist.ProcessGroup)  # this process is one of it
            yield Team(rank, size, control)
        finally:
            dist.destroy_process_group()


def _store(rank: int, size: int) -> Store:
    """What all write to before they know each other: `torchrun` keeps it, or else the first of them."""
    kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, size, is_master=rank == 0 and not kept, wait_for_workers=False)
    return PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _meet(store: Store, rank: int, size: int, patience: float = JOINING_SECONDS) -> None:
    """Waits until all are there, and hears signals meanwhile, which torch's own waiting does not."""
    store.set(f"exfuse/{rank}", "here")
    deadline = time.monotonic() + patience
    missing = set(range(size))
    while missing := {other for other in missing if not store.check([f"exfuse/{other}"])}:
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, sorted(missing)))
            raise UserError(
                f"of the {size} processes of this training, number {numbers} did not come within {patience:.0f} s. "
                "Look at its own messages, and start all of them again."
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def _all_are_there() -> Iterator[None]:
    """Makes the end of another process a user's error."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        time.sleep(SECONDS_TO_SPEAK)
        reason = str(error).strip().splitlines()[0].partition(". ")[0]
        raise UserError(
            f"another process of this training ended, or cannot be reached ({reason}). See its own messages; the "
            "same call goes on from the last state that was saved."
        ) from error


class RunningStatistics:
    """Batch norm's running means and variances of a model whose micro-batches several processes share.

    One process would update them micro-batch by micro-batch: r ← a·r + (1 − a)·s with a = 1 − momentum. Of n such
    updates a process that has the updates p·k … (p + 1)·k − 1 makes its own from the common start r₀ and gets
    a^k·r₀ + c. All together are a^n·r₀ + Σₚ a^(n − (p + 1)·k)·cₚ, which is what is computed here.
    """

    def __init__(self, model: nn.Module, team: Team, updates: int) -> None:
        norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]
        own = [norm for norm in norms if norm.track_running_stats and not isinstance(norm, nn.SyncBatchNorm)]
        self._norms = own if team.size > 1 else []
        self._team = team
        self._updates = updates
        self._start: list[Tensor] = []

    def _values(self) -> list[Tensor]:
        found = []
        for norm in self._norms:
            assert norm.running_mean is not None and norm.running_var is not None and norm.momentum is not None
            found += [norm.running_mean, norm.running_var]
        return found

    def remember(self) -> None:
        """Before the first micro-batch of a step."""
        self._start = [value.clone() for value in self._values()]

    def combine(self) -> None:
        """After the last one."""
        if not self._norms:
            return
        kept = [1 - float(norm.momentum or 0) for norm in self._norms for _ in range(2)]
        values, after = self._values(), self._updates * self._team.size
        later = after - (self._team.rank + 1) * self._updates
        shares = [
            a**later * (value - a**self._updates * start)
            for a, value, start in zip(kept, values, self._start, strict=True)
        ]
        summed = self._team.add_up(torch.cat([share.flatten() for share in shares]))
        for a, value, start, share in zip(
            kept, values, self._start, summed.split([v.numel() for v in values]), strict=True
        ):
            value.copy_(a**after * start + share.view_as(value))
        for norm in self._norms:
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked += after - self._updates
