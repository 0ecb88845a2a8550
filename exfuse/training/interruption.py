"""Signals that end a training: it saves its state at the next step's end, and says so by an exit code of its own."""

import atexit
import ctypes
import functools
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Sent by Snakemake and Slurm (end, or be requeued), by Ctrl-C, and by Slurm's warning before the time is up."""

SAME_SECONDS = 1.0
"""Within them a second Ctrl-C is the first one, which the process that started this one has passed on as well."""
PARENT_DEATH = 1
"""Linux' ``PR_SET_PDEATHSIG``."""


class Interruption:
    """Whether somebody asked the training to end.

    Attributes:
        signal: that was caught; none so far.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._since = 0.0

    def _catch(self, number: int, frame: FrameType | None) -> None:
        again = self.signal == signal.SIGINT == number and time.monotonic() - self._since > SAME_SECONDS
        if again:  # Ctrl-C twice: a person who does not want to wait
            raise KeyboardInterrupt
        if self.signal is None:
            self._since = time.monotonic()
        self.signal = signal.Signals(number)


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Notes signals in place of ending the process; outside the main thread nothing is caught."""
    caught = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    _kill_workers_at_exit()
    before = {number: signal.signal(number, caught._catch) for number in SIGNALS}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@functools.cache
def _kill_workers_at_exit() -> None:
    """Runs after torch's own ending of loading processes, which waits 5 s for each, and before multiprocessing's.

    That one sends SIGTERM and waits for ever, which a process that is deaf and hangs at a disk never answers.
    """
    atexit.register(_kill_workers)


def _kill_workers() -> None:
    workers = multiprocessing.active_children()
    if workers:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would complain
    for worker in workers:
        worker.kill()


def ignore_signals(worker: int = 0) -> None:
    """For loading processes: signals go to all processes of a training, and the step at hand still needs its batch.

    They end with the process that started them, whatever ended that one: torch's look every 5 s after a parent that is
    gone does not help one that hangs.

    Args:
        worker: its number, which does not matter.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)


def end_with_parent(how: signal.Signals) -> None:
    """Asks the kernel for a signal to this process should the one that started it end, however it does; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, how)
