"""One process at a time for each job, also when the one before lost its Snakemake.

A killed Snakemake leaves its jobs running. Each holds a lock on a file of its own; the next call of the same job asks
the holder to end, by SIGTERM, and takes over. The holder ends as by Ctrl-C, so that it has time to end its workers.
"""

import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import writing
from exfuse.locks import is_taken

ENDING = (signal.SIGTERM, signal.SIGUSR1)
"""Sent by the next call and by Snakemake, and by Slurm before the time is up."""
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.2


@contextmanager
def sole_worker(place: Path, patience: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Holds a job's lock; a crash releases it. Gives whether another process had to be waited for.

    Args:
        place: the job's lock file.
        patience: seconds that an earlier process gets to end after it was asked to.

    Raises:
        UserError: an earlier process does not end, or the folder cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = open(place, "a+")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UserError(f"cannot write {place}: {error.strerror}. Give the folder write permission.") from error
    with handle:
        waited = _take(handle.fileno(), place, patience)
        with writing(place):  # not through the buffer, which would fail once more as it is closed
            os.ftruncate(handle.fileno(), 0)
            os.write(handle.fileno(), f"{os.getpid()} on {platform.node()}".encode())
        with ended_like_by_ctrl_c():
            yield waited


@contextmanager
def ended_like_by_ctrl_c() -> Iterator[None]:
    """Makes who asks this process to end heard as Ctrl-C, so that it ends with one line and what it holds is closed."""
    if threading.current_thread() is not threading.main_thread():  # only there a handler can be set
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take(descriptor: int, place: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    waited, asked = False, None
    while True:
        if is_taken(descriptor, place):
            return waited
        holder = place.read_text().strip()
        waited = True
        process, _, host = holder.partition(" on ")
        here = host == platform.node()  # elsewhere the number is another process
        if here and process.isdigit() and asked != process:
            print(f"process {process} still works on this job; asking it to end", file=sys.stderr)
            _ask_to_end(int(process), place)
            asked = process
        if time.monotonic() > deadline:
            raise UserError(f"process {holder or 'unknown'} works on this job ({place}) and does not end; stop it.")
        time.sleep(POLL_SECONDS)


def _ask_to_end(process: int, place: Path) -> None:
    try:
        os.kill(process, signal.SIGTERM)
    except ProcessLookupError:  # it ended in between, or works on another machine: waiting tells
        pass
    except PermissionError as error:
        raise UserError(f"process {process} of another user works on this job ({place}); wait for it.") from error
