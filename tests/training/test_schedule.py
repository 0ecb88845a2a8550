"""Rates against values worked out by hand, and against PyTorch's own one-cycle."""

from typing import Literal

import pytest
import torch

from exfuse.spec.settings import Schedule
from exfuse.training.schedule import learning_rate


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.1),
        (50, 0.05),  # (1 − 0.5)^1
        (99, 0.001),
    ],
)
def test_poly_with_power_one_is_a_line(step: int, rate: float) -> None:
    assert learning_rate(Schedule(name="poly", power=1.0), 0.1, step, 100) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 1.0e-4),
        (1, 9.0953257955e-5),  # 1e-4 · 0.9^0.9
        (5, 5.3588673127e-5),  # 1e-4 · 0.5^0.9
        (9, 1.2589254118e-5),  # 1e-4 · 10^−0.9
    ],
)
def test_poly_with_the_usual_power(step: int, rate: float) -> None:
    assert learning_rate(Schedule(name="poly", power=0.9), 1.0e-4, step, 10) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (299, 0.1), (300, 0.01), (599, 0.01), (600, 0.001), (899, 0.001)],
)
def test_step_divides_by_ten_after_each_milestone(step: int, rate: float) -> None:
    schedule = Schedule(name="step", milestones=(300 / 900, 600 / 900))
    assert learning_rate(schedule, 0.1, step, 900) == pytest.approx(rate, rel=1e-12)


def test_the_papers_recipe_divides_every_thirty_epochs() -> None:
    """90 epochs of 1,281,167 images in batches of 256: the rate falls within a thousandth of epochs 30 and 60."""
    schedule = Schedule(name="step", milestones=(0.3333, 0.6667))
    steps = 450360
    epoch = steps / 90
    for before, after, rate in ((29.9, 30.1, 0.01), (59.9, 60.1, 0.001)):
        assert learning_rate(schedule, 0.1, int(before * epoch), steps) == pytest.approx(10 * rate)
        assert learning_rate(schedule, 0.1, int(after * epoch), steps) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.08),  # 2 / 25
        (10, 1.04),  # half way up a cosine from 0.08 to 2
        (20, 2.0),
        (60, 1.0),  # half way down to 0
        (40, 1.7071067812),  # 1 + cos(π/4)
        (99, 0.00077096376),  # 1 + cos(π·79/80), not yet zero
    ],
)
def test_one_cycle(step: int, rate: float) -> None:
    schedule = Schedule(name="one-cycle", warmup=0.2)
    assert learning_rate(schedule, 2.0, step, 100) == pytest.approx(rate, rel=1e-5)


def test_one_cycle_is_pytorchs() -> None:
    """PyTorch reaches the peak at step ``pct_start · total − 1`` and the end one step early; counted so, they agree."""
    steps = 101
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    peer = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=steps, pct_start=21 / 101, div_factor=25, final_div_factor=1e12
    )
    schedule = Schedule(name="one-cycle", warmup=0.2)
    for step in range(steps - 1):
        assert peer.get_last_lr()[0] == pytest.approx(learning_rate(schedule, 0.1, step, steps - 1), abs=1e-9)
        optimizer.step()
        peer.step()


@pytest.mark.parametrize(("step", "rate"), [(0, 0.0), (5, 0.05), (10, 0.1 * 0.9)])
def test_warmup_of_other_forms_is_a_line_from_zero(step: int, rate: float) -> None:
    assert learning_rate(Schedule(name="poly", power=1.0, warmup=0.1), 0.1, step, 100) == pytest.approx(rate)


@pytest.mark.parametrize("name", ["poly", "step", "one-cycle"])
def test_no_rate_is_negative_or_above_the_highest(name: Literal["poly", "step", "one-cycle"]) -> None:
    schedule = Schedule(name=name, milestones=(0.5,), warmup=0.3)
    rates = [learning_rate(schedule, 0.3, step, 37) for step in range(37)]
    assert min(rates) >= 0
    assert max(rates) <= 0.3
    assert rates[1:] != rates[:-1]
