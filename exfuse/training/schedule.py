"""The learning rate as a function of the step, written out so that it can be checked by hand and resumed anywhere."""

import math

from exfuse.spec.settings import Schedule

ONE_CYCLE_START = 1 / 25
"""Share of the highest rate with which ``one-cycle`` begins (Smith's and PyTorch's default)."""
STEP_FACTOR = 0.1


def learning_rate(schedule: Schedule, highest: float, step: int, steps: int) -> float:
    """The rate of a step.

    Args:
        schedule: its form.
        highest: the highest rate.
        step: 0 … steps − 1.
        steps: the length of the training.
    """
    share = step / steps
    if share < schedule.warmup:
        risen = share / schedule.warmup
        if schedule.name == "one-cycle":
            risen = ONE_CYCLE_START + (1 - ONE_CYCLE_START) * (1 - math.cos(math.pi * risen)) / 2
        return highest * risen
    if schedule.name == "poly":
        return highest * (1 - share) ** schedule.power
    if schedule.name == "step":
        return highest * STEP_FACTOR ** sum(share >= milestone for milestone in schedule.milestones)
    fallen = (share - schedule.warmup) / (1 - schedule.warmup)
    return highest * (1 + math.cos(math.pi * fallen)) / 2
