"""Fidelity: values and sources of the preset are what the papers state."""

import dataclasses
import functools
from typing import Any

import pytest
from pydantic import ValidationError

from exfuse.errors import UserError
from exfuse.spec.fidelity import Stated, StatedHyperparameters
from exfuse.spec.references import check_references
from exfuse.spec.spec import Spec
from tests.spec.fidelity_cases import part, section3


def with_stated(spec: Spec, path: str, stated: dict[str, Any] | None) -> Spec:
    """The spec with other words of the papers on one path; none: it is listed as silent."""
    declared = spec.fidelity.hyperparameters
    others = {name: one for name, one in declared.stated.items() if name != path}
    silent = tuple(name for name in declared.silent if name != path)
    tree = (
        {"stated": others, "silent": (*silent, path)}
        if stated is None
        else {"stated": {**others, path: Stated.model_validate(stated)}, "silent": silent}
    )
    changed = StatedHyperparameters.model_validate(tree)
    return dataclasses.replace(spec, fidelity=spec.fidelity.model_copy(update={"hyperparameters": changed}))


def with_entry(spec: Spec, path: str, **changes: Any) -> Spec:
    """The spec with another line of the ledger."""
    entries = tuple(one.model_copy(update=changes) if one.path == path else one for one in spec.ledger)
    assert entries != spec.ledger
    return dataclasses.replace(spec, ledger=entries)


MOMENTUM = "fine_tuning.trainaug.optimizer.momentum"
NORM = "fine_tuning.trainval.batch_norm"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            functools.partial(with_entry, path=MOMENTUM, value=0.9),
            rf"{MOMENTUM} is 0\.9, but by .*hyperparameters\.yaml GCN states 0\.99",
        ),
        (
            functools.partial(with_entry, path=MOMENTUM, value=0.9, source="assumption", why="usual"),
            r"GCN states 0\.99",
        ),
        (
            functools.partial(with_entry, path=MOMENTUM, source="assumption", why="usual"),
            rf"{MOMENTUM} has the source 'assumption', but by .* GCN states it",
        ),
        (
            functools.partial(with_entry, path=MOMENTUM, source="paper §4"),
            rf"{MOMENTUM} has the source 'paper §4', but by .* paper states no value of it",
        ),
        (
            functools.partial(with_entry, path="decoder.auxiliary_weight", source="GCN §4"),
            "decoder.auxiliary_weight has the source 'GCN §4', but by .* GCN states no value of it",
        ),
        (
            functools.partial(with_entry, path="fine_tuning.trainaug.steps", source="GCN §4"),
            "fine_tuning.trainaug.steps has the source 'GCN §4', but by .* GCN states no value of it",
        ),
        (
            functools.partial(with_entry, path="fine_tuning.trainaug.batch_norm", source="paper §4"),
            "fine_tuning.trainaug.batch_norm has the source 'paper §4', but by .* paper states no value of it",
        ),
        (functools.partial(with_entry, path=NORM, value="train"), rf"{NORM} is train, but by .* paper states frozen"),
        (
            functools.partial(with_stated, path="fine_tuning.optimizer.momentum", stated=None),
            "has the source 'GCN §4', but by .* GCN states no value of it",
        ),
        (
            functools.partial(
                with_stated,
                path="decoder.dap_kernel",
                stated={"gcn": "k = 3", "values": {"GCN": 3}, "stages": ["trainvall"]},
            ),
            "decoder.dap_kernel: unknown stage 'trainvall'; did you mean 'trainval'",
        ),
    ],
)
def test_values_and_sources_are_what_the_papers_state(small: Spec, change: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_references(change(small), section3())


@pytest.mark.parametrize(
    "given",
    [
        {"gcn": "prints none", "values": {"GCN": 0.99}},
        {"gcn": "0.999", "values": {"GCN": 0.99}},
        {"gcn": "10.99", "values": {"GCN": 0.99}},
        {"gcn": "0.99", "values": {"paper": 0.99}},
        {"gcn": "SGD", "values": {"paper": "sgd"}},
    ],
)
def test_a_stated_number_stands_in_the_words(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="does not stand in what is quoted of"):
        Stated.model_validate(given)
    assert Stated(gcn="momentum 0.99.", values={"GCN": 0.99}).of_stage("coco") == {"GCN": 0.99}


@pytest.mark.parametrize(("source", "quoted"), [("paper §3.2", {"gcn": "zeros"}), ("GCN §4", {})])
def test_a_reading_has_a_source_that_is_quoted(source: str, quoted: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=f"'border' has the source '{source}', of which nothing is quoted"):
        part(readings={"border": {"value": "zeros", "source": source}}, **quoted)
