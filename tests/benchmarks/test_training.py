"""The training benchmark compares like with like: a bare loop with the same steps, a reference of the same size."""

from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.device_limits import measure_limits
from benchmarks.subjects import Options, Subject, subject
from benchmarks.training import measure
from benchmarks.training_loops import Rounds, bare_loop, own_shares, placed, reference_loop, reference_network
from exfuse.spec.load import load
from exfuse.training.loop import train

OPTIONS = Options(
    preset="smoke", device="cpu", threads=1, precision=None, batch=2, synthetic=True, compile=False
)  # fmt: skip
CPU = torch.device("cpu")


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.fixture(params=["ss-lr-ecre", "resnext101-ss"])
def found(request: pytest.FixtureRequest) -> Subject:
    """A run with an auxiliary loss, and a backbone with heads of semantic supervision."""
    return subject(request.param, OPTIONS)


def test_the_bare_loop_makes_the_same_steps(found: Subject) -> None:
    other = placed(found.model, CPU)
    before = weights(other)
    bare_loop(found, other)(3)
    train(found.model, lambda first: islice(found.batches(0), 3), found.task, found.course)
    change = (weights(found.model) - before).norm()
    assert change > 0
    assert (weights(other) - weights(found.model)).norm() < 0.02 * change


def test_rounds_take_turns_and_all_are_timed(found: Subject) -> None:
    calls: list[int] = []
    counted = Rounds(found, steps=2, rounds=3)
    counted.run(lambda: {"other": calls.append})
    assert calls == [2] * 4  # one of them to warm up
    assert {name: len(seconds) for name, seconds in counted.seconds.items()} == {"ours": 3, "other": 3}
    assert all(0 <= waited < all_ for waited, all_ in zip(counted.waiting, counted.seconds["ours"], strict=True))


def test_the_loops_own_share_is_a_small_share(found: Subject) -> None:
    shares = own_shares(found, 2, 3)
    assert len(shares) == 3 and all(0 < share < 0.5 for share in shares)


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet50", 25.557), ("resnext101", 44.178), ("resnext101-ss-lr", 52.381)]
)
def test_the_reference_is_torchvisions_network_of_the_same_blocks(name: str, millions: float, repo_root: Path) -> None:
    network, what = reference_network(load(repo_root, "paper").backbone(name), 1000)
    assert what == "torchvision's ResNet"
    assert round(weights(network).numel() / 1e6, 3) == millions


def test_the_reference_trains(found: Subject) -> None:
    network, what = reference_network(found.backbone, found.classes)
    assert what == "our backbone"  # torchvision has none that narrow
    before = weights(network).clone()
    reference_loop(found, network)(1)
    assert not torch.equal(weights(network), before)


def test_all_numbers_are_there() -> None:
    limits = measure_limits(CPU, "float32")
    measured = measure("gcn-resnext101", OPTIONS, 1, 2, limits)
    assert measured.batch == 2 and len(measured.step) == len(measured.to_bare) == len(measured.to_reference) == 2
    assert measured.waiting is None
    assert 0 < measured.fused < measured.roofline < min(measured.step)
