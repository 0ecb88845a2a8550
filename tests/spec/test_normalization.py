"""A preset's own mean and deviation beside weights that were trained with others."""

from typing import Any

import pytest

from exfuse.errors import UserError
from tests.params import Params

OTHER: dict[str, Any] = {
    "mean": {"value": [0.5, 0.5, 0.5], "source": "GCN §4"},
    "std": {"value": [0.5, 0.5, 0.5], "source": "GCN §4"},
}


def test_a_statement_that_would_be_passed_over_is_refused(params: Params) -> None:
    params.put("presets/voc.yaml", "normalization", OTHER)
    with pytest.raises(UserError, match=r"normalization: `backbone_weights: public` gives 'resnet50', trained with"):
        params.load("voc")


def test_one_that_agrees_is_none(params: Params) -> None:
    params.put("presets/voc.yaml", "normalization.std", {"value": [0.229, 0.224, 0.225], "source": "GCN §4"})
    assert params.load("voc").preset.normalization.std == (0.229, 0.224, 0.225)


def test_what_a_preset_inherits_is_not_its_own_statement(params: Params) -> None:
    """`paper` may train its backbones as it likes; `voc`, which extends it, goes on with public ones."""
    params.put("presets/paper.yaml", "normalization", OTHER)
    spec = params.load("voc")
    assert spec.preset.normalization.mean == (0.5, 0.5, 0.5)
    assert spec.normalization("resnet50").mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("weights", ["imagenet", "random"])
def test_backbones_that_are_trained_here_or_not_at_all_have_the_presets(params: Params, weights: str) -> None:
    params.put("presets/smoke.yaml", "backbone_weights", weights)
    params.put("presets/smoke.yaml", "normalization", OTHER)
    assert params.load("smoke").normalization("resnet50").mean == (0.5, 0.5, 0.5)
