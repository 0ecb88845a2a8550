"""Rates of this machine: real steps, as many as it says, in the time that they take."""

import time
from collections.abc import Callable

import pytest
import torch

from exfuse.inspection import timing
from exfuse.inspection.timing import time_network
from exfuse.planning.demands import Course
from exfuse.planning.subjects import Subject
from exfuse.training.loop import Training
from tests.networks import backbone, exfuse

CPU = torch.device("cpu")


def course(network: object, classes: int = 0, parts: int = 1) -> Course:
    subject = Subject(network=network, classes=classes, size=64, images=2, precision="float32")  # type: ignore[arg-type]
    return Course(subject=subject, steps=10, parts=parts, momenta=2, clipped=True)


class Clock:
    """Passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def let_pass(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What all is timed by."""
    made = Clock()
    monkeypatch.setattr(timing, "_now", lambda device: made.now)
    return made


@pytest.fixture
def steps(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the batches that trainings are given; a step takes 50 ms, and so does an evaluation."""
    found: list[tuple[int, ...]] = []

    def step(self: Training, images: torch.Tensor, targets: torch.Tensor) -> None:
        found.append(tuple(images.shape))
        clock.let_pass(0.05)

    monkeypatch.setattr(Training, "step", step)
    monkeypatch.setattr(timing, "_evaluated", lambda *arguments: 0.05)
    return found


def test_a_step_is_divided_by_its_parts(steps: list[tuple[int, ...]]) -> None:
    timed = time_network(course(exfuse(), parts=4), CPU, loads=False)
    assert set(steps) == {(8, 3, 64, 64)}
    assert len(steps) - 1 == pytest.approx(timing.LEAST_SECONDS / 0.05, abs=1)
    assert timed.part == pytest.approx(0.05 / 4)


def test_a_slow_moment_does_not_count(clock: Clock) -> None:
    calls = iter([0.3, 0.02, 0.4, 0.02, 0.02])
    assert timing._seconds(lambda: clock.let_pass(next(calls)), CPU) == pytest.approx(0.02)


def test_what_loads_its_own_samples_is_timed_with_them(
    clock: Clock, steps: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*arguments: object) -> Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]:
        def sample(epoch: int, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            clock.let_pass(0.05)
            return torch.zeros(3, 64, 64, dtype=torch.uint8), torch.tensor(0)

        return sample

    monkeypatch.setattr(timing, "_samples", slow)
    alone, loading = (time_network(course(backbone(), 10), CPU, loads=loads).part for loads in (False, True))
    assert loading - alone == pytest.approx(0.1)


def test_on_one_core_only_the_processes_own_time_counts() -> None:
    start = timing._now(CPU)
    time.sleep(0.2)
    assert timing._now(CPU) - start < 0.1


@pytest.mark.parametrize("planned", [course(exfuse()), course(backbone(), 10)], ids=["segmenter", "classifier"])
def test_real_networks_take_time(planned: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)
    timed = time_network(planned, CPU, loads=True)
    assert 0 < timed.image < timed.part < 10
