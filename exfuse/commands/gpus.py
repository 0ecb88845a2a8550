"""Which GPUs of a machine a job takes: free ones, each held by a lock that a crash releases.

Snakemake counts GPUs and names none, so that jobs side by side would all take the first. Several GPUs are taken all or
none: two jobs that each hold half of what both need would wait for ever. What Slurm gave, and what `torchrun` shares
out among its processes, is taken as it is.
"""

import fcntl
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from exfuse.errors import UserError
from exfuse.files import writing
from exfuse.spec.settings import Hardware

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 1.0


@contextmanager
def leased(hardware: Hardware, count: int = 1, folder: Path | None = None) -> Iterator[None]:
    """Holds GPUs while the block runs, and makes them the only ones that CUDA sees in it.

    Call it before CUDA is initialised, and after the job's own lock is taken: who waits here asks nobody to end. Where
    there are no GPUs, or the preset does not want one, nothing is done.

    Args:
        hardware: the preset's.
        count: of GPUs.
        folder: of the locks; none: one of the machine and the user, outside every clone.

    Raises:
        UserError: the machine has fewer than ``count``, or the folder cannot be written.
    """
    names = visible_gpus()
    if hardware.device == "cpu" or not names or {"SLURM_JOB_ID", "RANK"} & os.environ.keys():
        yield
        return
    if len(names) < count:
        raise UserError(f"this job takes {count} GPUs, and there are {len(names)} here ({', '.join(names)}).")
    folder = folder or Path(tempfile.gettempdir()) / f"exfuse-gpus-{os.getuid()}"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(VISIBLE)
    with _taken(names, count, folder) as chosen:
        os.environ[VISIBLE] = ",".join(chosen)
        try:
            yield
        finally:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """As CUDA names them: what ``CUDA_VISIBLE_DEVICES`` leaves over, else numbers; found without torch."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip() not in ("", "-1")]
    return [str(number) for number, _ in enumerate(sorted(devices.glob("nvidia[0-9]*")))]


@contextmanager
def _taken(names: Sequence[str], count: int, folder: Path) -> Iterator[list[str]]:
    said = False
    while True:
        with ExitStack() as locks:
            chosen: list[str] = []
            for name in names:
                handle = _lock(folder / f"{quote(name, safe='')}.lock")
                if handle is not None:
                    locks.enter_context(handle)
                    chosen.append(name)
                if len(chosen) == count:
                    yield chosen
                    return
        if not said:
            print(f"waiting for {count} of the {len(names)} GPUs here to become free", file=sys.stderr)
            said = True
        time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # or two jobs might miss each other again and again


def _lock(place: Path) -> IO[str] | None:
    """The open file whose lock is held; none where another process holds it."""
    with writing(place):
        handle = open(place, "a+")  # noqa: SIM115 - whoever gets it closes it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
