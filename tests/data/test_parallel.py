import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exfuse.data import parallel
from exfuse.data.parallel import ordered_map
from exfuse.errors import UserError


def slower_when_smaller(number: int) -> int:
    time.sleep(0.02 * (number == 0))
    return number * number


def refuse(number: int) -> int:
    if number == 1:
        raise UserError(f"number {number}")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_few_items_are_in_flight(workers: int) -> None:
    begun = []

    def items() -> Iterator[int]:
        for number in range(40):
            begun.append(number)
            yield number

    ahead = 0
    for done, result in enumerate(ordered_map(slower_when_smaller, items(), workers)):
        assert result == done * done
        ahead = max(ahead, len(begun) - done)
    assert done == 39
    assert ahead <= 4 * workers


def test_a_killed_worker_is_one_message() -> None:
    with pytest.raises(UserError, match=r"a worker process was killed.*--workers"):
        list(ordered_map(die, range(3), 2))


def test_an_error_in_a_worker_reaches_the_caller_in_its_turn() -> None:
    results = ordered_map(refuse, range(3), 2)
    assert next(results) == 0
    with pytest.raises(UserError, match="number 1"):
        next(results)


ENDLESS = """
import os, sys, time
from exfuse.data.parallel import ordered_map

def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(60)

if __name__ == "__main__":
    list(ordered_map(work, [sys.argv[1]] * 8, 2))
"""


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_workers_end_with_a_killed_parent(tmp_path: Path, repo_root: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    (tmp_path / "workers").mkdir()
    command = [sys.executable, str(tmp_path / "endless.py"), str(tmp_path / "workers")]
    parent = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(repo_root)}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(list((tmp_path / "workers").iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(path.name) for path in (tmp_path / "workers").iterdir()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    while any(map(running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, workers))


def large_result_then_die(number: int) -> bytes:
    """Dies while its result, larger than a pipe holds, is half sent."""
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(50_000_000)


def test_a_worker_killed_in_the_middle_of_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item goes to the worker that was started last, the one whose pipe could still be held here."""

    def give_up(*_: object) -> None:
        pytest.fail("it waits for a worker that is gone")

    wait = parallel.wait
    monkeypatch.setattr(parallel, "wait", lambda pipes: time.sleep(1.0) or wait(pipes))
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    try:
        with pytest.raises(UserError, match="a worker process was killed"):
            list(ordered_map(large_result_then_die, range(1), 2))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
