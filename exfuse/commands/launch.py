"""Starts the processes that share a training, as `torchrun` does, with its library, and ends as they do.

What `torchrun` leaves open is done here: GPUs are taken all or none; SIGUSR1 and the loss of the terminal reach the
trainings too, which get the time that saving takes; and where they end with 75 (saved: the same call goes on), so does
this process.
"""

import os
import platform
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from exfuse.commands.gpus import leased, visible_gpus
from exfuse.errors import FAILED, INTERRUPTED, TRY_AGAIN, Interrupted, UserError
from exfuse.spec.resources import Resources
from exfuse.spec.settings import Hardware
from exfuse.training.interruption import end_with_parent

LAUNCHER = "EXFUSE_LAUNCHER"
"""The process that started a training's processes, in their environment."""
MASTER = "EXFUSE_MASTER"
"""Address and port at which the nodes of a training meet."""
KEPT = ("SLURM_JOB_ID", "SLURM_CONF")
FORWARDED = {number: number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)} | {
    signal.SIGHUP: signal.SIGTERM
}
"""What becomes of the signals that come here; trainings know nothing of terminals."""
SECONDS_TO_MEET = 120
SECONDS_TO_HEAR = 1.0
"""After them a signal that Python has not heard came while torch waits outside of it."""


def launch(title: str, taken: Resources, hardware: Hardware) -> NoReturn:
    """Runs the present command again in each process that shares it, on one node or, under Slurm, on several.

    Args:
        title: of the training, for messages.
        taken: how many processes, GPUs and nodes.
        hardware: the preset's.

    Raises:
        SystemExit: all ended well (0), some ended and saved (75), or failed (1).
        Interrupted: a process was killed, and the others saved.
        UserError: there are too few GPUs, no Slurm for several nodes, the nodes do not meet, or a process was killed.
        KeyboardInterrupt: asked to end before there was anything to save.
    """
    if taken.nodes > 1 and MASTER not in os.environ:
        _start_on_nodes(title, taken)
    gpus = taken.gpus if hardware.device != "cpu" and visible_gpus() else 0
    if gpus > len(visible_gpus()):
        raise UserError(f"{title} takes {gpus} GPUs of each node, and {len(visible_gpus())} are visible here.")
    with _forwarding() as asked, _heard_at_once(asked), leased(hardware, gpus):
        codes = _run(taken)
    _end(title, codes, bool(asked))


def _start_on_nodes(title: str, taken: Resources) -> NoReturn:
    """Becomes Slurm's `srun` of the same command, a task a node; the step that this is shares its node with it."""
    if "SLURM_JOB_ID" not in os.environ:
        raise UserError(f"{title} takes {taken.nodes} nodes (`resources`), which only Slurm gives (docs/cluster.md).")
    with socket.socket() as free:
        free.bind(("", 0))
        os.environ[MASTER] = f"{platform.node()}:{free.getsockname()[1]}"
    cores = os.environ.get("SLURM_CPUS_PER_TASK")
    for name in [name for name in os.environ if name.startswith("SLURM_") and name not in KEPT]:
        del os.environ[name]  # they describe the step that this is, on one node
    options = [f"--nodes={taken.nodes}", f"--ntasks={taken.nodes}", "--ntasks-per-node=1", "--overlap"]
    options.append("--cpu-bind=none")
    if cores:
        options.append(f"--cpus-per-task={cores}")  # steps take it no more from the job (Slurm 22.05)
    if taken.gpus:
        options.append(f"--gpus-per-node={taken.gpus}")
    os.execvp("srun", ["srun", *options, "--kill-on-bad-exit=1", *_command()])


def _command() -> list[str]:
    return [sys.executable, "-m", "exfuse.cli", *sys.argv[1:]]


def _run(taken: Resources) -> Mapping[int, int]:
    """The exit codes of this node's processes that failed, by rank, first come first; no code, no failure."""
    import logging

    from torch.distributed import DistError
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # each process says what is wrong by itself
    several = taken.nodes > 1
    rank = {"rank": int(os.environ["SLURM_PROCID"])} if several else {}
    config = LaunchConfig(
        min_nodes=taken.nodes,
        max_nodes=taken.nodes,
        nproc_per_node=taken.processes_per_node,
        run_id=os.environ["SLURM_JOB_ID"] if several else str(uuid.uuid4()),
        rdzv_backend="static" if several else "c10d",
        rdzv_endpoint=os.environ[MASTER] if several else "localhost:0",
        rdzv_configs={**rank, "timeout": SECONDS_TO_MEET},
        max_restarts=0,
        signals_to_handle="SIGQUIT",  # the others are forwarded here
    )
    os.environ[LAUNCHER] = str(os.getpid())
    program, *words = _command()
    try:
        elastic_launch(config, program)(*words)
    except ChildFailedError as error:
        ended = sorted(error.failures.items(), key=lambda item: item[1].timestamp)  # whole seconds; torch's order else
        return {rank: failure.exitcode for rank, failure in ended}
    except SignalException as error:
        raise KeyboardInterrupt from error
    except DistError as error:
        if not several:
            raise
        raise UserError(
            f"the nodes of this training did not meet at {os.environ[MASTER]} ({str(error).splitlines()[0]}). Is that "
            "name resolved, and its port reachable, from the others? The same call tries again."
        ) from error
    return {}


@contextmanager
def _forwarding() -> Iterator[list[int]]:
    """Passes signals on to the processes that train; the list holds those that came.

    Raises:
        KeyboardInterrupt: one came while there were none.
    """
    asked: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        children = _children()
        if not children:
            raise KeyboardInterrupt
        for child in children:
            os.kill(child, FORWARDED[signal.Signals(number)])

    wanted = [number for number in FORWARDED if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP]
    before = {number: signal.signal(number, forward) for number in wanted}  # `nohup` wants SIGHUP ignored
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _heard_at_once(asked: list[int]) -> Iterator[None]:
    """Ends this process on a signal also while torch waits for other nodes, outside Python, which hears it only later.

    Args:
        asked: the signals that Python has heard.
    """
    listener, speaker = socket.socketpair()
    speaker.setblocking(False)
    before = signal.set_wakeup_fd(speaker.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(listener, asked), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        speaker.close()


def _listen(listener: socket.socket, asked: list[int]) -> None:
    with listener:
        while number := listener.recv(1):
            if number[0] not in FORWARDED:
                continue
            time.sleep(SECONDS_TO_HEAR)
            if not asked and not _children():
                print("interrupted before the training began", file=sys.stderr, flush=True)
                os._exit(INTERRUPTED)


def _children() -> list[int]:
    return [int(word) for file in Path("/proc/self/task").glob("*/children") for word in file.read_text().split()]


def _end(title: str, codes: Mapping[int, int], asked: bool) -> NoReturn:
    """Ends as the processes did: one that failed outweighs those that saved, which outweigh those that were stopped.

    Args:
        title: of the training, for messages.
        codes: exit codes by rank, first come first: torch asked the others to end.
        asked: whether a signal came here.
    """
    if not codes:
        raise SystemExit(0)
    rank, first = next(iter(codes.items()))
    if not asked and first not in (FAILED, TRY_AGAIN, INTERRUPTED):  # the others can only say that it is gone
        saved = TRY_AGAIN in codes.values() and FAILED not in codes.values()
        raise (Interrupted if saved else UserError)(f"{title}: {_unexpected(rank, first)}")
    for code in (FAILED, TRY_AGAIN):
        if code in codes.values():
            raise SystemExit(code)
    raise KeyboardInterrupt  # before they could catch signals


def _unexpected(rank: int, code: int) -> str:
    if code != -signal.SIGKILL:
        return f"process {rank} ended with exit code {code}; its message is above."
    return (
        f"process {rank} was killed; the memory may not have sufficed (`memory_gb` of its resources). "
        "The same call goes on from the last state."
    )


def end_with_launcher() -> None:
    """Asks the kernel to end this process, as by SIGTERM, should the one that started it be killed.

    Left alone, it would train on, with GPUs that others believe to be free.
    """
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:
        return
    end_with_parent(signal.SIGTERM)
    if os.getppid() != int(launcher):  # killed already
        os.kill(os.getpid(), signal.SIGTERM)
