"""Trainings that stop at a signal and go on end with the bits of those left alone, whatever they train with."""

import io
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from exfuse.data.loading import make_loader
from exfuse.data.sampling import Position, StepSampler
from exfuse.errors import Interrupted, UserError
from exfuse.spec.settings import Optimizer
from exfuse.training.interruption import ignore_signals, interruption
from exfuse.training.loop import Course, Training, train
from exfuse.training.state import StateFolder
from tests.training.conftest import Points, make_course
from tests.training.killed import network

STEPS = 12
ADAMW = Optimizer(name="adamw", learning_rate=0.01, momentum=0.9, weight_decay=0.1)


class Samples(Dataset[tuple[Tensor, int]]):
    """Points as images of one pixel, functions of epoch and index."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, position: Position) -> tuple[Tensor, int]:
        epoch, index = position
        point = torch.randn(2, generator=torch.Generator().manual_seed(1000 * epoch + index))
        return point[:, None, None], int(point.prod() > 0)


def _train(folder: Path, course: Course, workers: int = 0, end_before: int | None = None) -> dict[str, Tensor]:
    """The weights after all steps, and the curve; asked to end while a step is loaded, it ends after that one."""

    def batches(first: int) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = StepSampler(40, course.batch_size, 0, first, course.steps)
        loaded = make_loader(Samples(), sampler, workers=workers, start_worker=ignore_signals)
        for step, (points, labels) in enumerate(loaded, start=first):
            if step == end_before:
                os.kill(os.getpid(), signal.SIGTERM)
            yield points.flatten(1), labels

    model = network()
    history = train(model, batches, Points(model), course, StateFolder(folder / "state", "key"))
    history.write(folder / "history.csv")
    return model.state_dict()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "changes", [{"precision": "bfloat16"}, {"optimizer": ADAMW}, {"precision": "bfloat16", "optimizer": ADAMW}]
)
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path, workers: int, changes: dict[str, Any]) -> None:
    course = make_course(steps=STEPS, micro_batch=8, gradient_clip=0.5, **changes)
    alone = _train(tmp_path / "alone", course)
    folder = tmp_path / "interrupted"
    for step in (3, 7):
        with pytest.raises(Interrupted, match=f"stopped after step {step + 1} of {STEPS}; its state is saved"):
            _train(folder, course, workers, end_before=step)
    after = _train(folder, course, workers)
    assert all(torch.equal(after[name], tensor) for name, tensor in alone.items())
    assert (folder / "history.csv").read_bytes() == (tmp_path / "alone" / "history.csv").read_bytes()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What tells one Ctrl-C from two; its one value may be set."""
    now = [0.0]
    monkeypatch.setattr("exfuse.training.interruption.time.monotonic", lambda: now[0])
    return now


def test_a_second_ctrl_c_does_not_wait_for_the_step(clock: list[float]) -> None:
    with interruption() as caught:
        os.kill(os.getpid(), signal.SIGINT)
        clock[0] = 0.5
        os.kill(os.getpid(), signal.SIGINT)  # the same one, passed on by the launcher too
        assert caught.signal is signal.SIGINT
        clock[0] = 1.5
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_second_sigterm_waits_as_the_first() -> None:
    with interruption() as caught:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1):
            os.kill(os.getpid(), number)
            assert caught.signal is number


@pytest.fixture
def while_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Has something done in the middle of writing a state, the n-th one."""
    save = torch.save

    def arrange(number: int, act: Callable[[], None]) -> None:
        count = itertools.count(1)

        def write(content: Any, stream: IO[bytes]) -> None:
            whole = io.BytesIO()
            save(content, whole)
            half = len(whole.getvalue()) // 2
            stream.write(whole.getvalue()[:half])
            if next(count) == number:
                act()
            stream.write(whole.getvalue()[half:])

        monkeypatch.setattr(torch, "save", write)

    return arrange


def test_a_signal_while_a_state_is_written(
    tmp_path: Path, while_writing: Callable[[int, Callable[[], None]], None]
) -> None:
    """The state is whole; the training ends after the next step, or, where there is none, at once."""
    course = make_course(steps=STEPS, seconds_between_states=0.0)
    alone = _train(tmp_path / "alone", course)
    for number, stops_at in ((4, 5), (STEPS - 5, STEPS)):
        while_writing(number, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted, match=f"stopped after step {stops_at} of {STEPS}"):
            _train(tmp_path, course)
        assert (StateFolder(tmp_path / "state", "key").latest() or {})["done"] == stops_at
    after = _train(tmp_path, course)
    assert all(torch.equal(after[name], tensor) for name, tensor in alone.items())


def test_a_second_ctrl_c_while_a_state_is_written_leaves_the_one_before(
    tmp_path: Path, clock: list[float], while_writing: Callable[[int, Callable[[], None]], None]
) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        clock[0] += 1.5
        os.kill(os.getpid(), signal.SIGINT)

    while_writing(4, twice)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, make_course(steps=STEPS, seconds_between_states=0.0))
    assert (StateFolder(tmp_path / "state", "key").latest() or {})["done"] == 3
    names = {path.name for path in (tmp_path / "state").iterdir()}
    assert names == {f"step00000000{step}.{suffix}" for step in (2, 3) for suffix in ("pt", "json")}


@pytest.mark.parametrize("part", ["done", "model", "optimizer", "history", "random"])
@pytest.mark.parametrize("content", [None, {}])
def test_a_state_that_other_code_saved_is_said(part: str, content: object) -> None:
    model = network()
    training = Training(model, Points(model), make_course())
    saved = training.content()
    with pytest.raises(UserError, match="a training: the saved state does not fit, so other code saved it"):
        training.restore({**saved, part: content})
    with pytest.raises(UserError, match="does not fit"):
        training.restore({name: value for name, value in saved.items() if name != part})
