"""A small training that several processes share."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from exfuse.training.batch_norm import freeze_batch_norm
from exfuse.training.loop import train
from exfuse.training.state import StateFolder
from exfuse.training.team import team
from tests.training.conftest import Points, make_course

STEPS = 20
CPU = torch.device("cpu")


def network() -> nn.Sequential:
    """Always of the same weights; two batch norms, each with statistics."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Linear(32, 8), nn.BatchNorm1d(8, momentum=0.3), nn.Linear(8, 2),
    ).train()  # fmt: skip


def batch(step: int) -> tuple[Tensor, Tensor]:
    """All 24 points of a step, of uneven spread, so that micro-batches differ."""
    points = torch.randn(24, 2, generator=torch.Generator().manual_seed(step)) * torch.linspace(0.2, 3, 24)[:, None]
    return points, (points.prod(dim=1) > 0).long()


def run(rank: int, size: int, folder: Path, port: int, frozen: bool = False) -> None:
    """Trains as process ``rank`` of ``size``; the first leaves weights and curve in ``folder``."""
    torch.set_num_threads(1)
    if size > 1:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with team(CPU) as crew:
        model = network()
        if frozen:
            freeze_batch_norm(model)

        def batches(first: int) -> list[tuple[Tensor, Tensor]]:
            found = [batch(step) for step in range(first, STEPS)]
            return [
                (torch.stack([*crew.share(points)]), torch.stack([*crew.share(labels)])) for points, labels in found
            ]

        course = make_course(steps=STEPS, batch_size=24, micro_batch=6, gradient_clip=1.0)
        states = StateFolder(folder / "state", "key")
        history = train(model, batches, Points(crew.joined(model)), course, states, crew)
        torch.save(model.state_dict(), folder / f"weights{rank}.pt")
        history.write(folder / f"history{rank}.csv")
