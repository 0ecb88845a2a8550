"""One memory format for training and evaluation."""

import pytest
import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.evaluation.predictor import Predictor
from exfuse.models import placement
from tests.trained import describe, network


def test_a_model_is_moved_and_laid_out() -> None:
    placed = placement.place(nn.Conv2d(4, 4, 3), torch.device("meta"))
    assert placed.weight.device.type == "meta"
    assert placed.weight.is_contiguous(memory_format=placement.MEMORY_FORMAT)
    assert not placed.weight.is_contiguous()
    assert placement.place(placed) is placed
    assert placed.weight.device.type == "meta"


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_predictor_has_the_format_of_every_job(monkeypatch: pytest.MonkeyPatch, layout: torch.memory_format) -> None:
    monkeypatch.setattr(placement, "MEMORY_FORMAT", layout)
    weight = Predictor(network(describe()), describe()).network.backbone.conv1.weight
    assert weight.is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    ("asked", "gpus", "chosen"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda"),
        ("cuda:1", 2, "cuda:1"),
        (torch.device("cpu"), 0, "cpu"),
        (torch.device("cuda", 0), 1, "cuda:0"),
    ],
)
def test_a_device_that_is_there(
    monkeypatch: pytest.MonkeyPatch, asked: torch.device | str, gpus: int, chosen: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert placement.choose_device(asked) == torch.device(chosen)


@pytest.mark.parametrize(
    ("asked", "gpus", "words"),
    [
        ("cuda", 0, "no GPU here for `cuda`"),
        (torch.device("cuda"), 0, "no GPU here for `cuda`"),
        ("cuda:2", 2, "no GPU here for `cuda:2`"),
        ("gpu", 1, "unknown device 'gpu'; valid: auto, cpu, cuda"),
        ("", 1, "unknown device ''"),
        ("meta", 1, "unknown device 'meta'"),
        (None, 1, "unknown device 'None'"),
    ],
)
def test_a_device_that_is_not(monkeypatch: pytest.MonkeyPatch, asked: str, gpus: int, words: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    with pytest.raises(UserError, match=words):
        placement.choose_device(asked)
