"""Several processes (gloo, on the processor) train as one does: losses, weights, statistics of batch norm."""

import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.distributed import HashStore

from exfuse.errors import UserError
from exfuse.files import read_csv
from exfuse.training.state import StateFolder
from exfuse.training.team import RunningStatistics, Team, _meet
from tests.training import teamed
from tests.training.processes import together


def _train(folder: Path, size: int, frozen: bool = False, micro_batch: int = 6) -> dict[str, Tensor]:
    """The weights of the first of ``size`` processes."""
    folder.mkdir(exist_ok=True)
    assert together(teamed.run, size, folder, frozen, micro_batch) == [0] * size
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


def test_three_processes_that_were_interrupted_end_with_the_same_bits(tmp_path: Path) -> None:
    """Of three numbers the order decides the last bits of the sum."""
    alone = _train(tmp_path / "alone", 3, micro_batch=4)
    folder = tmp_path / "interrupted"
    folder.mkdir()
    assert together(teamed.run, 3, folder, False, 4, 8) == [teamed.INTERRUPTED] * 3
    saved = StateFolder(folder / "state", "key").latest()
    assert saved is not None and saved["done"] == 9  # the step at which the last process was asked to end was finished
    assert all(torch.equal(tensor, alone[name]) for name, tensor in _train(folder, 3, micro_batch=4).items())


def test_sums_are_taken_in_the_order_of_the_processes(tmp_path: Path) -> None:
    """Wherever a number lies; a ring adds up each part of a vector in another order."""
    assert together(teamed.summing, 3, tmp_path) == [0, 0, 0]
    for rank in range(3):
        sums = torch.load(tmp_path / f"sums{rank}.pt", weights_only=True)
        for found, length in zip(sums, (1, 2, 3, 1000), strict=True):
            first, second, third = (teamed.vector(other, length) for other in range(3))
            assert torch.equal(found, (first + second) + third)
    assert not torch.equal((first + second) + third, first + (second + third))


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


def test_who_waits_for_the_others_hears_signals() -> None:
    """Torch's own waiting does not, for up to half an hour."""
    assert together(teamed.alone_at_the_meeting, 2, seconds=60) == [130, 0]


def test_a_process_that_does_not_come_is_named() -> None:
    store = HashStore()
    store.set("exfuse/2", "here")
    with pytest.raises(UserError, match=r"of the 4 processes of this training, number 1, 3 did not come within 0 s"):
        _meet(store, 0, 4, patience=0.3)


def test_the_end_of_another_process_is_a_message(tmp_path: Path) -> None:
    assert together(teamed.left_alone, 2, tmp_path, seconds=60) == [1, -signal.SIGKILL]
    assert (tmp_path / "message").read_text().startswith("another process of this training ended, or cannot be reached")
