"""What takes minutes on archives of 150 GB is shown as it goes on."""

from pathlib import Path

from exfuse.data.progress import Progress
from exfuse.spec.raw import Digests


def md5_shown(digests: Digests, file: Path) -> str:
    """A file's md5: the remembered one, or read with progress.

    Raises:
        UserError: the file is unreadable.
    """
    size, done = file.stat().st_size, 0
    with Progress(f"md5 of {file.name}", "bytes") as display:

        def add(count: int) -> None:
            nonlocal done
            done += count
            display.show(done, size)

        return digests.md5(file, add)
