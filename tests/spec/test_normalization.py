"""A preset's own mean and deviation beside weights that were trained with others."""

from typing import Any

import pytest

from exfuse.errors import UserError
from exfuse.spec.spec import Spec
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


def _ledger(spec: Spec) -> dict[str, list[tuple[object, str, bool]]]:
    """Value, source and assumption of the ledger's lines on normalization, by path."""
    found: dict[str, list[tuple[object, str, bool]]] = {}
    for entry in spec.ledger:
        if entry.path.startswith("normalization"):
            found.setdefault(entry.path, []).append((entry.value, entry.source, entry.assumed))
    return found


def test_the_ledger_has_the_weights_own(params: Params) -> None:
    """Not those of `paper`, which `voc` extends; a line for each value that its backbones were trained with."""
    params.put("presets/paper.yaml", "normalization", OTHER)
    other = {"mean": [0.1, 0.2, 0.3], "std": [0.229, 0.224, 0.225]}
    params.put("backbones.yaml", "resnet101.public_normalization", other)
    spec = params.load("voc")
    assert _ledger(spec) == {
        "normalization.mean": [
            ([0.485, 0.456, 0.406], "public weights: resnet50, resnext101", False),
            ([0.1, 0.2, 0.3], "public weights: resnet101", False),
        ],
        "normalization.std": [([0.229, 0.224, 0.225], "public weights: resnet50, resnet101, resnext101", False)],
    }
    paths = [entry.path for entry in params.load("paper").ledger]
    assert list(dict.fromkeys(entry.path for entry in spec.ledger)) == paths
    assert _ledger(params.load("paper"))["normalization.mean"] == [([0.5, 0.5, 0.5], "GCN §4", False)]


@pytest.mark.parametrize("weights", ["random", "trained/"])
def test_the_ledger_has_the_presets_where_no_weights_tell(params: Params, weights: str) -> None:
    """Untrained backbones, and a folder whose weights are not there yet."""
    (params.root / "trained").mkdir()
    params.put("presets/smoke.yaml", "backbone_weights", weights)
    params.put("presets/paper.yaml", "normalization", OTHER)
    assert _ledger(params.load("smoke"))["normalization.std"] == [([0.5, 0.5, 0.5], "GCN §4", False)]


@pytest.mark.parametrize("weights", ["imagenet", "random"])
def test_backbones_that_are_trained_here_or_not_at_all_have_the_presets(params: Params, weights: str) -> None:
    params.put("presets/smoke.yaml", "backbone_weights", weights)
    params.put("presets/smoke.yaml", "normalization", OTHER)
    assert params.load("smoke").normalization("resnet50").mean == (0.5, 0.5, 0.5)
