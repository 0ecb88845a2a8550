"""Several processes (gloo, on the processor) train as one does: losses, weights, statistics of batch norm."""

import socket
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.training.team import RunningStatistics, Team
from tests.training import teamed
from tests.training.processes import CONTEXT


def _train(folder: Path, size: int, frozen: bool = False) -> dict[str, Tensor]:
    """The weights of the first of ``size`` processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    processes = [CONTEXT.Process(target=teamed.run, args=(rank, size, folder, port, frozen)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    weights: dict[str, Tensor] = torch.load(folder / "weights0.pt", weights_only=True)
    return weights


@pytest.mark.parametrize("frozen", [False, True])
def test_two_and_four_processes_train_as_one(tmp_path: Path, frozen: bool) -> None:
    one = _train(tmp_path / "one", 1, frozen)
    for size in (2, 4):
        folder = tmp_path / str(size)
        several = _train(folder, size, frozen)
        for name, tensor in one.items():
            torch.testing.assert_close(
                several[name], tensor, rtol=1e-4, atol=1e-6, msg=lambda words, name=name: f"{name}: {words}"
            )
        losses = [
            [float(row["loss"]) for row in read_csv(path)]
            for path in (tmp_path / "one" / "history0.csv", folder / "history0.csv")
        ]
        assert len(losses[0]) == teamed.STEPS
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
        for rank in range(1, size):  # all have the same
            assert (folder / f"history{rank}.csv").read_bytes() == (folder / "history0.csv").read_bytes()
            other = torch.load(folder / f"weights{rank}.pt", weights_only=True)
            assert all(torch.equal(other[name], tensor) for name, tensor in several.items())


def test_running_statistics_by_hand() -> None:
    """Start 1, momentum 0.1, means 2, 4 | 8, 16 of two processes with two micro-batches each: as in turn."""
    sequential = 1.0
    for mean in (2, 4, 8, 16):
        sequential = 0.9 * sequential + 0.1 * mean
    shares = []

    class Written(Team):
        """Adds up by hand, what a process group does."""

        def add_up(self, tensor: Tensor) -> Tensor:
            shares.append(tensor.clone())
            return torch.stack(shares).sum(0)

    for rank, means in enumerate(((2, 4), (8, 16))):
        norm = nn.BatchNorm1d(1)
        assert norm.running_mean is not None
        norm.running_mean.fill_(1.0)
        statistics = RunningStatistics(nn.Sequential(norm), Written(rank, 2), 2)
        statistics.remember()
        for mean in means:
            norm.running_mean.lerp_(torch.tensor([float(mean)]), 0.1)
        statistics.combine()
        assert int(norm.num_batches_tracked or 0) == 2  # those of the others; its own are counted by batch norm
    assert norm.running_mean.item() == pytest.approx(sequential, rel=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match=r"3 processes cannot share the 4 micro-batches of a batch \(24 images"):
        Team(0, 3).check(24, 6)
    Team(0, 4).check(24, 6)


def test_shares_are_the_batch() -> None:
    batch = list(range(12))
    assert [*Team(0, 3).share(batch), *Team(1, 3).share(batch), *Team(2, 3).share(batch)] == batch
