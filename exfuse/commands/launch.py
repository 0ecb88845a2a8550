"""Starts the processes that share a training, as `torchrun` does, with its library, and ends as they do.

What `torchrun` leaves open is done here: GPUs are taken all or none; SIGUSR1 reaches the trainings too, which get the
time that saving takes; and where they end with 75 (saved: the same call goes on), so does this process.
"""

import os
import platform
import signal
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from exfuse.commands.gpus import leased, visible_gpus
from exfuse.errors import UserError
from exfuse.spec.resources import Resources
from exfuse.spec.settings import Hardware
from exfuse.training.interruption import end_with_parent

LAUNCHER = "EXFUSE_LAUNCHER"
"""The process that started a training's processes, in their environment."""
MASTER = "EXFUSE_MASTER"
"""Address and port at which the nodes of a training meet."""
KEPT = ("SLURM_JOB_ID", "SLURM_CONF")
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
TRY_AGAIN, FAILED = 75, 1
SECONDS_TO_MEET = 600


def launch(title: str, taken: Resources, hardware: Hardware) -> NoReturn:
    """Runs the present command again in each process that shares it, on one node or, under Slurm, on several.

    Args:
        title: of the training, for messages.
        taken: how many processes, GPUs and nodes.
        hardware: the preset's.

    Raises:
        SystemExit: all ended well (0), some ended and saved (75), or failed (1).
        UserError: there are too few GPUs, no Slurm for several nodes, or a process was killed.
        KeyboardInterrupt: asked to end before there was anything to save.
    """
    if taken.nodes > 1 and MASTER not in os.environ:
        _start_on_nodes(title, taken)
    gpus = taken.gpus if hardware.device != "cpu" and visible_gpus() else 0
    if gpus > len(visible_gpus()):
        raise UserError(f"{title} takes {gpus} GPUs of each node, and {len(visible_gpus())} are visible here.")
    with _forwarding() as asked, leased(hardware, gpus):
        codes = _run(taken)
    _end(title, codes, bool(asked))


def _start_on_nodes(title: str, taken: Resources) -> NoReturn:
    """Becomes Slurm's `srun` of the same command, a task a node; the step that this is shares its node with it."""
    if "SLURM_JOB_ID" not in os.environ:
        raise UserError(f"{title} takes {taken.nodes} nodes (`resources`), which only Slurm gives (docs/cluster.md).")
    with socket.socket() as free:
        free.bind(("", 0))
        os.environ[MASTER] = f"{platform.node()}:{free.getsockname()[1]}"
    for name in [name for name in os.environ if name.startswith("SLURM_") and name not in KEPT]:
        del os.environ[name]  # they describe the step that this is, on one node
    options = [f"--nodes={taken.nodes}", f"--ntasks={taken.nodes}", "--ntasks-per-node=1", "--overlap"]
    if taken.gpus:
        options.append(f"--gpus-per-node={taken.gpus}")
    os.execvp("srun", ["srun", *options, "--kill-on-bad-exit=1", *_command()])


def _command() -> list[str]:
    return [sys.executable, "-m", "exfuse.cli", *sys.argv[1:]]


def _run(taken: Resources) -> Mapping[int, int]:
    """The exit codes of this node's processes that failed, by rank; no code, no failure."""
    import logging

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
        signals_to_handle="SIGHUP,SIGQUIT",  # the others are forwarded here
    )
    os.environ[LAUNCHER] = str(os.getpid())
    program, *words = _command()
    try:
        elastic_launch(config, program)(*words)
    except ChildFailedError as error:
        return {rank: failure.exitcode for rank, failure in error.failures.items()}
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
            os.kill(child, number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _children() -> list[int]:
    return [int(word) for file in Path("/proc/self/task").glob("*/children") for word in file.read_text().split()]


def _end(title: str, codes: Mapping[int, int], asked: bool) -> NoReturn:
    """Ends as the processes did: one that failed outweighs those that saved, which outweigh those that were stopped."""
    for code in (FAILED, TRY_AGAIN):
        if code in codes.values():
            raise SystemExit(code)
    if not codes:
        raise SystemExit(0)
    if asked:  # before they could catch signals
        raise KeyboardInterrupt
    rank, code = next(iter(codes.items()))
    if code == -signal.SIGKILL:
        raise UserError(
            f"{title}: process {rank} was killed; the memory may not have sufficed (`memory_gb` of its resources). "
            "The same call goes on from the last state."
        )
    raise UserError(f"{title}: process {rank} ended with exit code {code}; its message is above.")


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
