"""Work spread over processes, with results in order and a bounded number of items in flight.

Each worker has a pipe of its own whose other end no other process holds. So a worker that is killed, even in the
middle of a result, is an end of its pipe, and nobody waits for ever; a shared queue of results cannot tell.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, TypeVar

from exfuse.errors import UserError

_AHEAD_PER_WORKER = 4
"""How many results a worker's share may run ahead of the one that is waited for."""
_PATIENCE_SECONDS = 5.0

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    pipe: Connection
    item: int = -1
    """Number of the item that it works on; −1: none."""


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map`` on worker processes: results in the order of the items, a bounded number of items in flight.

    Args:
        function: a module-level function.
        items: its arguments.
        workers: processes; 1 computes in this one.

    Raises:
        UserError: a worker was killed; besides, what ``function`` and ``items`` raise.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    with _started(function, workers) as pool:
        numbered = enumerate(items)
        results: dict[int, tuple[bool, Any]] = {}
        wanted, more = 0, True
        while more or results or any(worker.item >= 0 for worker in pool):
            idle = [worker for worker in pool if worker.item < 0]
            in_flight = len(results) + len(pool) - len(idle)
            while more and idle and in_flight < _AHEAD_PER_WORKER * workers:
                more = _hand_out(numbered, idle.pop())
                in_flight += 1
            if wanted in results:
                succeeded, result = results.pop(wanted)
                if not succeeded:  # in its turn, so that the same item is named whatever the number of workers
                    raise result
                yield result
                wanted += 1
            elif any(worker.item >= 0 for worker in pool):
                results.update(_collect(pool))


def _hand_out(numbered: Iterator[tuple[int, Any]], worker: _Worker) -> bool:
    """Gives the next item to a worker; false where there is none."""
    for number, item in numbered:
        try:
            worker.pipe.send(item)
        except OSError as error:
            raise _killed() from error
        worker.item = number
        return True
    return False


def _collect(pool: list[_Worker]) -> dict[int, tuple[bool, Any]]:
    """The answers that are there, at least one: whether the item succeeded, and its result or error."""
    found = {}
    ready = wait([worker.pipe for worker in pool if worker.item >= 0])
    for worker in pool:
        if worker.pipe in ready:
            try:
                found[worker.item] = worker.pipe.recv()
            except (EOFError, OSError) as error:
                raise _killed() from error
            worker.item = -1
    return found


def _killed() -> UserError:
    return UserError("a worker process was killed, as a system does that has no memory left. Take fewer `--workers`.")


@contextmanager
def _started(function: Callable[[Any], Any], workers: int) -> Iterator[list[_Worker]]:
    """Workers that end with the block, however it ends."""
    context = multiprocessing.get_context("forkserver")
    pool: list[_Worker] = []
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(function, theirs), daemon=True)
            process.start()
            theirs.close()  # theirs alone holds it now: when it dies, reading ours ends
            pool.append(_Worker(process, ours))
        yield pool
    finally:
        for worker in pool:
            worker.pipe.close()
            worker.process.terminate()
        for worker in pool:
            worker.process.join(_PATIENCE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """A worker's life: it ends with its parent, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            item = pipe.recv()
            try:
                answer = True, function(item)
            except Exception as error:
                answer = False, error
            pipe.send(answer)


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
