"""Work in a fresh Python process, and the memory that a process has."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MEBIBYTE = 1 << 20
SMALLEST_RETURNED = 1 << 16
"""Bytes from which on a freed block goes back to the system where ``return_freed`` asks for it."""


def in_fresh_process(function: Callable[..., T], *arguments: object, return_freed: bool = False) -> T:
    """Calls a function of a module in a process of its own, so that nothing that ran before counts.

    Args:
        function: what to call; it, its arguments and its result must be picklable.
        arguments: its arguments.
        return_freed: whether glibc gives freed blocks back at once, so that resident memory is what is in use.
            Otherwise memory is managed as anywhere else.

    Raises:
        RuntimeError: the process was killed, most likely because memory ran out.
    """
    if return_freed:
        os.environ["MALLOC_MMAP_THRESHOLD_"] = str(SMALLEST_RETURNED)
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(function, *arguments).result()
    except BrokenProcessPool as error:
        raise RuntimeError("the process was killed: out of memory?") from error
    finally:
        os.environ.pop("MALLOC_MMAP_THRESHOLD_", None)


def resident_bytes() -> int:
    """What this process has in memory now."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """The most that this process ever had in memory, or had since :func:`forget_peak`."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Makes the present memory the peak."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024
