"""Progress in bytes: a bar on a terminal, a line now and then elsewhere; both on standard error."""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from exfuse.spec.raw import Digests

LINE_SECONDS = 60.0
"""Between two lines of a log."""


class Bytes:
    """Shows how many bytes of one file are done; a context manager."""

    def __init__(self, what: str, line_seconds: float = LINE_SECONDS) -> None:
        """Names what is worked on; nothing is shown before the first bytes."""
        self._what, self._line_seconds = what, line_seconds
        self._shown = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int | None) -> None:
        """So many bytes of so many are done."""
        if sys.stderr.isatty():
            if self._bar is None:
                self._bar = tqdm(desc=self._what, unit="B", unit_scale=True, initial=done, leave=False)
            self._bar.total = total
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._shown >= self._line_seconds:
            self._shown = time.monotonic()
            of = f" of {total:,} bytes ({done / total:.0%})" if total else " bytes"
            print(f"{self._what}: {done:,}{of}", file=sys.stderr, flush=True)

    def tell(self, line: str) -> None:
        """Something happened."""
        tqdm.write(line, file=sys.stderr)


def md5_shown(digests: Digests, file: Path) -> str:
    """A file's md5: the remembered one, or read with progress.

    Raises:
        UserError: the file is unreadable.
    """
    size, done = file.stat().st_size, 0
    with Bytes(f"md5 of {file.name}") as display:

        def add(count: int) -> None:
            nonlocal done
            done += count
            display.show(done, size)

        return digests.md5(file, add)
