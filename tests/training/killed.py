"""A small training in a process of its own, to be killed."""

from pathlib import Path

import torch
from torch import Tensor, nn

from exfuse.errors import Interrupted
from exfuse.training.loop import train
from exfuse.training.state import StateFolder
from tests.training.conftest import Points, make_course

STEPS = 60
INTERRUPTED = 75


def network() -> nn.Sequential:
    """Always of the same weights; batch norm has statistics to lose."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2)).train()


def batches(first: int) -> list[tuple[Tensor, Tensor]]:
    """Of each step, whichever was the first."""
    found = []
    for step in range(first, STEPS):
        points = torch.randn(16, 2, generator=torch.Generator().manual_seed(step))
        found.append((points, (points.prod(dim=1) > 0).long()))
    return found


def run(folder: Path, seconds: float) -> None:
    """Trains, saving itself every few seconds; the weights and the curve lie in ``folder`` when it is done."""
    torch.set_num_threads(1)
    model = network()

    def noted(first: int) -> list[tuple[Tensor, Tensor]]:
        with open(folder / "began_at", "a", encoding="utf-8") as steps:
            steps.write(f"{first}\n")
        return batches(first)

    course = make_course(steps=STEPS, micro_batch=8, seconds_between_states=seconds)
    try:
        history = train(model, noted, Points(model), course, StateFolder(folder / "state", "key"))
    except Interrupted:
        raise SystemExit(INTERRUPTED) from None
    torch.save(model.state_dict(), folder / "weights.pt")
    history.write(folder / "history.csv")
