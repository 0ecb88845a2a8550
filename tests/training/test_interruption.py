"""Trainings that are killed or asked to end, in processes of their own, end with the bits of one left alone."""

import os
import random
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.spec.settings import Optimizer
from exfuse.training.loop import train
from exfuse.training.state import StateFolder
from tests.training import killed
from tests.training.conftest import Points, make_course
from tests.training.processes import CONTEXT


def _start(folder: Path, seconds: float = 0.0) -> ForkServerProcess:
    process = CONTEXT.Process(target=killed.run, args=(folder, seconds))
    process.start()
    return process


def _newest(folder: Path) -> str:
    return max((path.name for path in (folder / "state").glob("step*.json")), default="")


def _wait_for_a_new_state(folder: Path, process: ForkServerProcess) -> None:
    before = _newest(folder)
    while _newest(folder) == before:
        assert process.is_alive() or process.exitcode == 0
        if not process.is_alive():
            return
        time.sleep(0.001)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nobody disturbed, and that saved nothing until its end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = _start(folder, seconds=1e9)
    process.join()
    assert process.exitcode == 0
    return folder


def _began_at(folder: Path) -> list[int]:
    """The step at which each process began."""
    return [int(line) for line in (folder / "began_at").read_text().split()]


def _assert_same(folder: Path, undisturbed: Path) -> None:
    ours = torch.load(folder / "weights.pt", weights_only=True)
    theirs = torch.load(undisturbed / "weights.pt", weights_only=True)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (folder / "history.csv").read_bytes() == (undisturbed / "history.csv").read_bytes()


def test_twenty_kills(tmp_path: Path, undisturbed: Path) -> None:
    """At random moments, most of them while a state is written, since it saves itself after each step."""
    dice = random.Random(0)
    kills = 0
    while True:
        process = _start(tmp_path)
        if kills < 20:
            _wait_for_a_new_state(tmp_path, process)
            time.sleep(dice.uniform(0, 0.03))
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert kills >= 10
    assert _began_at(tmp_path) == sorted(_began_at(tmp_path)) and _began_at(tmp_path)[-1] > 0
    _assert_same(tmp_path, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_training_that_is_asked_to_end_saves_itself(tmp_path: Path, undisturbed: Path, number: int) -> None:
    process = _start(tmp_path, seconds=0.001)
    _wait_for_a_new_state(tmp_path, process)
    os.kill(process.pid or 0, number)
    process.join()
    assert process.exitcode == killed.INTERRUPTED
    saved = StateFolder(tmp_path / "state", "key").latest()
    assert saved is not None and 0 < saved["done"] < killed.STEPS
    again = _start(tmp_path, seconds=1e9)
    again.join()
    assert again.exitcode == 0
    assert _began_at(tmp_path) == [0, saved["done"]]
    _assert_same(tmp_path, undisturbed)


def test_a_finished_training_is_not_trained_on(tmp_path: Path, undisturbed: Path) -> None:
    for _ in range(2):
        process = _start(tmp_path, seconds=1e9)
        process.join()
        assert process.exitcode == 0
        _assert_same(tmp_path, undisturbed)
    assert _began_at(tmp_path) == [0, killed.STEPS]


def test_no_state_is_saved_of_weights_that_are_no_numbers(tmp_path: Path) -> None:
    """The last good state stays."""
    model = nn.Linear(2, 2)
    good = [(torch.ones(4, 2), torch.zeros(4, dtype=torch.long))] * 3
    bad = [(torch.full((4, 2), float("nan")), torch.zeros(4, dtype=torch.long))] * 3
    states = StateFolder(tmp_path, "key")
    course = make_course(steps=1000, seconds_between_states=0.0)
    with pytest.raises(UserError, match="the loss is nan at step 4"):
        train(model, lambda first: good + bad, Points(model), course, states)
    assert (states.latest() or {})["done"] == 3


def test_a_state_that_cannot_be_written_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*words: object) -> None:
        raise UserError("cannot write it. Make room.")

    monkeypatch.setattr(StateFolder, "save", refuse)
    model = killed.network()
    course = make_course(steps=killed.STEPS, seconds_between_states=0.0)
    train(model, killed.batches, Points(model), course, StateFolder(tmp_path, "key"))
    assert "the state of step 60 is not saved: cannot write it. Make room." in capsys.readouterr().err


def test_no_state_is_saved_of_weights_that_a_step_made_infinite(tmp_path: Path) -> None:
    """The loss of the last step was finite, and the step was not; nothing looks at a loss afterwards."""
    model = nn.Linear(2, 2)
    wild = Optimizer(name="sgd", learning_rate=1e38, momentum=0.0, weight_decay=0.0)
    points = [(torch.ones(4, 2) * 1e3, torch.tensor([0, 1, 0, 0]))]
    with pytest.raises(
        UserError, match=r"weight has values that are no finite numbers after step 1\. Lower the learning"
    ):
        train(
            model, lambda first: points, Points(model), make_course(steps=1, optimizer=wild), StateFolder(tmp_path, "k")
        )
    assert StateFolder(tmp_path, "k").latest() is None
