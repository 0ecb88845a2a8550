"""A Slurm of its own on this machine, while a test needs it: two nodes of a core, no accounting, no cgroups."""

import os
import platform
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.packages import program, require_programs

NODES = 2
MEMORY_MB = 4096
"""Of a node; more than a job of `smoke` asks for."""
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacctmgr")
PROGRAMS = ("munged", "slurmctld", "slurmd", *COMMANDS)
SECONDS_TO_START = 30.0
SECONDS_HELD = 6
"""That Slurm keeps a requeued job from starting: as long as what allowed the first start may be valid, else 120."""


def require_slurm() -> None:
    """Installs Slurm's packages where they are missing, or skips the test and says why."""
    if os.getuid() != 0:
        pytest.skip("a Slurm of one's own needs root")
    require_programs(PROGRAMS, ("slurm-wlm", "munge"))


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Runs Slurm, and ends all of it whatever happens.

    Yields:
        The environment in which its commands find it.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, ExitStack() as daemons:
        folder = Path(name)
        socket_path = folder / "munge.socket"
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        conf = folder / "slurm.conf"
        conf.write_text(_conf(folder, socket_path))
        environment = {**os.environ, "SLURM_CONF": str(conf), "PATH": f"{_commands(folder, conf)}:{os.environ['PATH']}"}
        munge = [f"--socket={socket_path}", f"--key-file={key}", "--foreground", "--force", "--num-threads=2"]
        files = [f"--{kind}-file={folder / f'munge.{kind}'}" for kind in ("pid", "log", "seed")]
        daemons.enter_context(_daemon("munged", *munge, *files, environment=environment))
        _wait(socket_path.exists, "munged")
        daemons.enter_context(_daemon("slurmctld", "-D", "-c", environment=environment))
        for number in range(1, NODES + 1):
            daemons.enter_context(_daemon("slurmd", "-D", "-N", f"n{number}", environment=environment))
        _wait(lambda: _idle_nodes(environment) == NODES, "Slurm", folder)
        try:
            yield environment
        finally:
            subprocess.run(["scancel", "--signal=KILL", "--user=root"], env=environment, check=False)


def _commands(folder: Path, conf: Path) -> Path:
    """A folder of Slurm's commands that know this cluster; Snakemake's plugin takes `SLURM_CONF` from its jobs."""
    found = folder / "bin"
    found.mkdir()
    for name in COMMANDS:
        script = found / name
        script.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {program(name)} "$@"\n')
        script.chmod(0o755)
    return found


def _conf(folder: Path, munge: Path) -> str:
    ports = _free_ports(NODES + 1)
    host = platform.node()
    lines = [
        "ClusterName=test",
        f"SlurmctldHost={host}(127.0.0.1)",
        f"SlurmctldPort={ports[0]}",
        "SlurmUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=socket={munge},cred_expire={SECONDS_HELD}",
        f"StateSaveLocation={folder / 'state'}",
        f"SlurmdSpoolDir={folder / 'spool-%n'}",
        f"SlurmctldPidFile={folder / 'slurmctld.pid'}",
        f"SlurmdPidFile={folder / 'slurmd-%n.pid'}",
        f"SlurmctldLogFile={folder / 'slurmctld.log'}",
        f"SlurmdLogFile={folder / 'slurmd-%n.log'}",
        "ProctrackType=proctrack/pgid",  # as cgroups do, it ends what is left of a job whose first process ended
        "TaskPlugin=task/none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        "SchedulerType=sched/builtin",
        "SlurmdParameters=config_overrides",
        "AccountingStorageType=accounting_storage/none",
        "JobAcctGatherType=jobacct_gather/none",
        "MpiDefault=none",
        "ReturnToService=2",
    ]
    for number, port in enumerate(ports[1:], 1):
        lines.append(
            f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory={MEMORY_MB}"
        )
    lines.append(f"PartitionName=all Nodes=n[1-{NODES}] Default=YES MaxTime=INFINITE State=UP")
    (folder / "state").mkdir()
    for number in range(1, NODES + 1):
        (folder / f"spool-n{number}").mkdir()
    return "\n".join(lines) + "\n"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        found = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


@contextmanager
def _daemon(name: str, *arguments: str, environment: dict[str, str]) -> Iterator[None]:
    command = [str(program(name)), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _idle_nodes(environment: dict[str, str]) -> int:
    told = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--format=%t"], env=environment, capture_output=True, text=True
    )
    return told.stdout.split().count("idle")


def _wait(ready: Callable[[], bool], what: str, folder: Path | None = None) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not ready():
        if time.monotonic() > deadline:
            logs = "".join(file.read_text()[-1500:] for file in sorted(folder.glob("*.log"))) if folder else ""
            raise RuntimeError(f"{what} does not start. {logs}")
        time.sleep(0.2)
