"""One memory format for training and evaluation."""

import pytest
import torch
from torch import nn

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
