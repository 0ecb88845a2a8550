"""Processes for tests: forked from one that has torch loaded already, which saves seconds each time."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training.killed", "tests.training.teamed", "tests.evaluation.teamed"])


def together(target: Callable[..., None], size: int, *words: Any, seconds: float = 120.0) -> list[int | None]:
    """Runs ``target(rank, *words)`` in processes that see each other as if `torchrun` had started them.

    Gives their exit codes; none for one that had to be killed because it did not end in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [CONTEXT.Process(target=_as_one_of, args=(port, rank, size, target, words)) for rank in range(size)]
    for process in processes:
        process.start()
    deadline = time.monotonic() + seconds
    codes: list[int | None] = []
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
            codes.append(None)
        else:
            codes.append(process.exitcode)
    return codes


def _as_one_of(port: int, rank: int, size: int, target: Callable[..., None], words: tuple[Any, ...]) -> None:
    if size > 1:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    target(rank, *words)
