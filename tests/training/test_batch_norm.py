"""Batch norm over several GPUs: what is replaced, what is refused, and that it is batch norm over the whole batch."""

from pathlib import Path

import pytest
import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.training.batch_norm import freeze_batch_norm, share_at_once, synchronise_batch_norm
from exfuse.training.team import ALONE, RunningStatistics, Team
from tests.training import teamed
from tests.training.processes import together


def _network(device: str) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4, momentum=0.3))).to(
        device
    )


def test_layers_are_replaced_and_weights_keep_their_names() -> None:
    model = _network("meta")
    names, parameters = list(model.state_dict()), list(model.parameters())
    synchronise_batch_norm(model, Team(0, 2))
    assert list(model.state_dict()) == names
    assert [id(parameter) for parameter in model.parameters()] == [id(parameter) for parameter in parameters]
    layers = [model[1], model[2][0]]
    assert all(isinstance(layer, nn.SyncBatchNorm) for layer in layers) and layers[1].momentum == 0.3


def test_statistics_of_the_whole_batch_are_not_combined_again() -> None:
    model = _network("meta")
    assert RunningStatistics(model, Team(0, 2), 1)._norms == [model[1], model[2][0]]
    synchronise_batch_norm(model, Team(0, 2))
    assert RunningStatistics(model, Team(0, 2), 1)._norms == []


def test_one_process_sees_the_whole_batch_anyway() -> None:
    model = _network("cpu")
    synchronise_batch_norm(model, ALONE)
    assert type(model[1]) is nn.BatchNorm2d


def test_layers_that_were_replaced_can_be_frozen_and_evaluated_on_the_processor() -> None:
    torch.manual_seed(0)
    model = _network("cpu").eval()
    images = torch.randn(2, 3, 4, 4)
    expected = model(images)
    nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert torch.equal(model(images), expected)
    freeze_batch_norm(model.train())
    assert torch.equal(model(images), expected)


def test_processors_are_refused() -> None:
    model = _network("cpu")
    with pytest.raises(UserError, match=r"`synchronised` over 2 processes needs a GPU for each\. Train in one process"):
        synchronise_batch_norm(model, Team(0, 2))
    assert type(model[1]) is nn.BatchNorm2d


def test_each_process_takes_its_whole_share_at_once() -> None:
    assert [share_at_once(24, Team(0, size)) for size in (1, 2, 8)] == [24, 12, 3]
    with pytest.raises(UserError, match=r"5 processes cannot share a batch of 24 images evenly"):
        share_at_once(24, Team(0, 5))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_two_processes_are_one_with_the_whole_batch(tmp_path: Path) -> None:
    """On one GPU, by way of gloo: with NCCL each process needs its own."""
    for size in (1, 2):
        folder = tmp_path / str(size)
        folder.mkdir()
        assert together(teamed.synchronised, size, folder) == [0] * size
    one, two = (torch.load(tmp_path / size / "weights0.pt", weights_only=True) for size in ("1", "2"))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(
            two[name], one[name], rtol=1e-3, atol=1e-5, msg=lambda words, n=name: f"{n}: {words}"
        )
