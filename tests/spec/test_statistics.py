"""``params/statistics.yaml``: what it may hold, and that it remakes the claims and what shows them, nothing else."""

import pytest

from exfuse.errors import UserError
from tests.params import Params

FILE = "statistics.yaml"


def test_every_value_has_a_reason(params: Params) -> None:
    rule = params.load("mini").statistics
    assert rule.confidence.value == 0.95 and rule.level == 0.05
    assert all(len(getattr(rule, name).why) > 20 for name in type(rule).model_fields)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("confidence.value", 95, ("confidence.value = 95", "less than 1")),
        ("least_share.value", 1.5, ("least_share.value = 1.5",)),
        ("least_seeds.value", 2, ("least_seeds.value = 2", "greater than or equal to 3")),
        ("resamples.value", 10, ("resamples.value = 10",)),
        ("resamples.why", "", ("resamples.why",)),
        ("resampels", {"value": 1000, "why": "w"}, ("unknown key 'resampels'", "resamples")),
    ],
)
def test_a_mistake_is_named(params: Params, key: str, value: object, words: tuple[str, ...]) -> None:
    params.put(FILE, key, value)
    with pytest.raises(UserError) as caught:
        params.load("mini")
    message = str(caught.value)
    assert all(word in message for word in (FILE, *words)), message


def test_another_rule_remakes_the_claims_and_the_report(params: Params) -> None:
    before = params.keys()
    params.put(FILE, "confidence.value", 0.9)
    after = params.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert {"claims", "report"} <= changed
    assert not {name for name in changed if name.startswith(("runs/", "backbones/", "tables/", "figures/", "data/"))}
