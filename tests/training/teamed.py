"""A small training that several processes share."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from exfuse.errors import Interrupted, UserError
from exfuse.training.batch_norm import freeze_batch_norm, share_at_once, synchronise_batch_norm
from exfuse.training.gradients import sum_in_order
from exfuse.training.loop import train
from exfuse.training.state import StateFolder
from exfuse.training.team import Team, team
from tests.training.conftest import Points, make_course

STEPS = 20
INTERRUPTED = 75
CPU = torch.device("cpu")


class Network(nn.Module):
    """Two batch norms, each with statistics; layers are declared in another order than images pass them."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(8, 2)
        self.first = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.middle = nn.Sequential(nn.Linear(32, 8), nn.BatchNorm1d(8, momentum=0.3))

    def forward(self, points: Tensor) -> Tensor:
        return self.last(self.middle(self.first(points)))


def network() -> Network:
    """Always of the same weights."""
    torch.manual_seed(3)
    return Network().train()


def batch(step: int) -> tuple[Tensor, Tensor]:
    """All 24 points of a step, of uneven spread, so that micro-batches differ."""
    points = torch.randn(24, 2, generator=torch.Generator().manual_seed(step)) * torch.linspace(0.2, 3, 24)[:, None]
    return points, (points.prod(dim=1) > 0).long()


def run(rank: int, folder: Path, frozen: bool = False, micro_batch: int = 6, end_at: int | None = None) -> None:
    """Trains as process ``rank``, which leaves weights and curve in ``folder``; the last is asked to end at a step."""
    torch.set_num_threads(1)
    with team(CPU) as crew:
        model = network()
        if frozen:
            freeze_batch_norm(model)

        def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
            for step in range(first, STEPS):
                points, labels = batch(step)
                if step == end_at and crew.rank == crew.size - 1:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield torch.stack([*crew.share(points)]), torch.stack([*crew.share(labels)])

        course = make_course(steps=STEPS, batch_size=24, micro_batch=micro_batch, gradient_clip=1.0)
        states = StateFolder(folder / "state", "key")
        try:
            history = train(model, batches, Points(crew.joined(model)), course, states, crew)
        except Interrupted:
            raise SystemExit(INTERRUPTED) from None
        torch.save(model.state_dict(), folder / f"weights{rank}.pt")
        history.write(folder / f"history{rank}.csv")


def synchronised(rank: int, folder: Path) -> None:
    """Trains on the first GPU with batch norm over the whole batch, as one of the processes that the variables name."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    crew = Team(rank, size)
    if size > 1:
        dist.init_process_group("gloo")
    device = torch.device("cuda", 0)
    model = network().to(device)
    synchronise_batch_norm(model, crew)

    def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
        for points, labels in map(batch, range(first, STEPS)):
            yield torch.stack([*crew.share(points)]).to(device), torch.stack([*crew.share(labels)]).to(device)

    course = make_course(steps=STEPS, batch_size=24, micro_batch=share_at_once(24, crew), device=device)
    train(model, batches, Points(crew.joined(model)), course, None, crew)
    torch.save({name: tensor.cpu() for name, tensor in model.state_dict().items()}, folder / f"weights{rank}.pt")
    if size > 1:
        dist.destroy_process_group()


def alone_at_the_meeting(rank: int) -> None:
    """The first waits for the second, which has ended, and is asked to end as well: 130."""
    if rank == 1:
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        with team(CPU):
            raise AssertionError("they have not met")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def left_alone(rank: int, folder: Path) -> None:
    """The second is killed while the first waits for it; the first leaves the message that ended it: 1."""
    try:
        with team(CPU) as crew:
            if rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            crew.highest(0)
    except UserError as error:
        (folder / "message").write_text(str(error))
        raise SystemExit(1) from None


def vector(rank: int, length: int) -> Tensor:
    """The numbers of a process, of very different sizes."""
    dice = torch.Generator().manual_seed(rank)
    return torch.randn(length, generator=dice) * 10.0 ** torch.randint(-3, 4, (length,), generator=dice)


def summing(rank: int, folder: Path) -> None:
    """Leaves the sum over all processes of vectors of several lengths."""
    with team(CPU):
        torch.save([sum_in_order(vector(rank, length)) for length in (1, 2, 3, 1000)], folder / f"sums{rank}.pt")
