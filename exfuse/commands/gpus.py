"""Which GPUs of a machine a job takes: free ones, each held by a lock that a crash releases.

Snakemake counts GPUs and names none, so that jobs side by side would all take the first. Several GPUs are taken all or
none: two jobs that each hold half of what both need would wait for ever. Of what Slurm gave, jobs of one allocation
take their part in the same way. The processes that `torchrun` started have what the one that started them took.
"""

import os
import random
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from exfuse.errors import UserError
from exfuse.files import writing
from exfuse.locks import is_taken
from exfuse.spec.settings import Hardware

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 1.0
LOCKS = Path("/tmp/exfuse-gpus")
"""Where all users of a machine lock its GPUs, whatever their `TMPDIR`: anyone adds files, none changes another's."""
OF_A_STEP = "exfuse-gpus-slurm-"
ANY_USER_ADDS, ANY_USER_READS = 0o1777, 0o644
IS_GPU = re.compile(r"[0-9]+|(GPU|MIG)-.+")


@contextmanager
def leased(hardware: Hardware, count: int = 1, folder: Path | None = None) -> Iterator[None]:
    """Holds GPUs while the block runs, and makes them the only ones that CUDA sees in it.

    Call it before CUDA is initialised, and after the job's own lock is taken: who waits here asks nobody to end. Where
    there are no GPUs, or the preset does not want one, nothing is done.

    Args:
        hardware: the preset's.
        count: of GPUs.
        folder: of the locks; none: one of the machine, or of the Slurm step that this is a part of.

    Raises:
        UserError: the machine has fewer than ``count``, or the folder cannot be used.
    """
    names = visible_gpus()
    if hardware.device == "cpu" or not names or count == 0 or "RANK" in os.environ:
        yield
        return
    gpus = _by_identity(names)
    if len(gpus) < count:
        raise UserError(f"this job takes {count} GPUs, and there are {len(gpus)} here ({', '.join(gpus.values())}).")
    before = os.environ.get(VISIBLE)
    place = folder or _lock_folder()
    try:
        with _taken(gpus, count, place) as chosen:
            os.environ[VISIBLE] = ",".join(chosen)
            yield
    finally:
        os.environ.pop(VISIBLE, None)
        if before is not None:
            os.environ[VISIBLE] = before
        if place.name.startswith(OF_A_STEP):
            _remove(place)


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """As CUDA names them: what ``CUDA_VISIBLE_DEVICES`` leaves over, else numbers; found without torch."""
    given = os.environ.get(VISIBLE)
    if given is None:
        return [str(number) for number, _ in enumerate(_minors(devices))]
    names = []
    for name in map(str.strip, given.split(",")):
        if IS_GPU.fullmatch(name) is None:  # CUDA, too, passes over what follows: "", "-1", Slurm's "NoDevFiles"
            break
        names.append(name)
    return names


def _minors(devices: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("nvidia")) for path in devices.glob("nvidia[0-9]*"))


def _by_identity(
    names: list[str], devices: Path = Path("/dev"), driver: Path = Path("/proc/driver/nvidia/gpus")
) -> dict[str, str]:
    """Names by what is locked: a GPU's own number (UUID) where the driver tells it, because it may have two names.

    Numbers are taken as the driver counts; CUDA does so on a machine whose GPUs are all alike, or with
    ``CUDA_DEVICE_ORDER=PCI_BUS_ID``.
    """
    known = _uuids(driver)
    numbered = [known.get(minor, str(minor)) for minor in _minors(devices)]
    found: dict[str, str] = {}
    for name in names:
        if name.isdigit():
            identity = numbered[int(name)] if int(name) < len(numbered) else name
        else:
            whole = [uuid for uuid in known.values() if uuid.startswith(name)]  # CUDA takes an unambiguous beginning
            identity = whole[0] if len(whole) == 1 else name
        found.setdefault(identity, name)
    return found


def _uuids(driver: Path) -> Mapping[int, str]:
    """The UUIDs of GPUs by the number of their device file."""
    found = {}
    for file in driver.glob("*/information"):
        with suppress(OSError, KeyError, ValueError):
            pairs = (line.partition(":")[::2] for line in file.read_text().splitlines())
            told = {key.strip(): value.strip() for key, value in pairs}
            if "?" not in told["GPU UUID"]:
                found[int(told["Device Minor"])] = told["GPU UUID"]
    return found


def _lock_folder() -> Path:
    """The machine's, or one of the Slurm step: there, numbers may count from 0 in each step anew."""
    job, step = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_STEP_ID", "batch")
    if job is None or VISIBLE not in os.environ:  # without the latter, Slurm gives no GPUs, and all see all
        return LOCKS
    return Path(tempfile.gettempdir()) / f"{OF_A_STEP}{job}-{step}"


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A descriptor of the folder of locks, which may be shared with users who are not trusted: links are refused."""
    with writing(folder), suppress(FileExistsError):
        folder.mkdir()
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise UserError(
            f"cannot open {folder}: {error.strerror}. The locks of GPUs belong there; have its owner remove it."
        ) from error
    try:
        found = os.fstat(descriptor)
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != ANY_USER_ADDS:
            os.fchmod(descriptor, ANY_USER_ADDS)  # new, or who made it was killed before this
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Removes the folder of a Slurm step, unless others of the step use it; they would else heap up on the node."""
    with suppress(OSError), ExitStack() as held:
        files = list(folder.glob("*.lock"))
        for file in files:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            held.callback(os.close, descriptor)
            if not is_taken(descriptor, file):
                return
        for file in files:
            file.unlink()
        folder.rmdir()


@contextmanager
def _taken(gpus: Mapping[str, str], count: int, folder: Path) -> Iterator[list[str]]:
    said = False
    while True:
        with ExitStack() as locks:
            opened = locks.enter_context(_opened(folder))
            chosen: list[str] = []
            for identity, name in gpus.items():
                handle = _lock(f"{quote(identity, safe='')}.lock", opened)
                if handle is not None:
                    locks.enter_context(handle)
                    chosen.append(name)
                if len(chosen) == count:
                    yield chosen
                    return
        if not said:
            print(f"waiting for {count} of the {len(gpus)} GPUs here to become free", file=sys.stderr)
            said = True
        time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # or two jobs might miss each other again and again


def _lock(name: str, folder: int) -> IO[str] | None:
    """The open file whose lock is held; none where another process holds it, or has just removed it."""
    place = Path(os.readlink(f"/proc/self/fd/{folder}")) / name
    with writing(place):
        try:
            descriptor = _open(name, folder)
        except FileNotFoundError:  # the folder is gone
            return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"cannot lock {place}: something else lies there; have its owner remove it.")
    handle = os.fdopen(descriptor)
    if not is_taken(handle.fileno(), place) or not _is_still_there(handle.fileno(), name, folder):
        handle.close()
        return None
    with suppress(PermissionError):  # another user's
        os.utime(handle.fileno())  # what cleans /tmp leaves what is new
    return handle


def _is_still_there(descriptor: int, name: str, folder: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False))
    return False


def _open(name: str, folder: int) -> int:
    """Opens a file for reading, which suffices for a lock, and makes it where it is missing.

    A pipe that somebody laid there does not block. In two steps: where all may write, the kernel forbids to open
    another user's file as if it might have to be made.
    """
    while True:
        with suppress(FileNotFoundError):
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with suppress(FileExistsError):
            descriptor = os.open(name, os.O_RDONLY | os.O_CREAT | os.O_EXCL, ANY_USER_READS, dir_fd=folder)
            os.fchmod(descriptor, ANY_USER_READS)
            return descriptor
