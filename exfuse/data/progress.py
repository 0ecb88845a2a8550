"""Progress on standard error: a bar on a terminal, a line now and then in a log. Short work leaves no trace."""

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

LINE_SECONDS = 60.0
"""Between two lines of a log."""
BAR_SECONDS = 0.5
"""Between two states of a bar."""

T = TypeVar("T")


def say(line: str) -> None:
    """Puts a line on standard error, above a bar that is there."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


class Progress:
    """Shows how much of one piece of work is done; a context manager."""

    def __init__(self, what: str, unit: str, line_seconds: float = LINE_SECONDS) -> None:
        """Names the work; nothing is shown before the first call of :meth:`show`.

        Args:
            what: is worked on; may be changed as the work goes on.
            unit: of what is counted, in the plural; ``bytes`` are shown with prefixes in a bar.
            line_seconds: between two lines, where there is no terminal.
        """
        self.what, self._unit, self._line_seconds = what, unit, line_seconds
        self._on_terminal = sys.stderr.isatty()
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
        """So much of so much is done; of an unknown total there is none."""
        if self._on_terminal:
            self._move_bar(done, total)
        elif (now := time.monotonic()) - self._shown >= self._line_seconds:
            self._shown = now
            of, share = (f" of {total:,}", f" ({done / total:.0%})") if total else ("", "")
            say(f"{self.what}: {done:,}{of} {self._unit}{share}")

    def tell(self, line: str) -> None:
        """Something happened."""
        say(line)

    def _move_bar(self, done: int, total: int | None) -> None:
        """Draws the bar, unless it was drawn just now; the words before it may have changed where its number has not.

        Without ``miniters`` tqdm would take the number's steps so far for the smallest that are worth drawing.
        """
        if self._bar is None:
            scaled = self._unit == "bytes"
            unit = "B" if scaled else f" {self._unit}"
            self._bar = tqdm(
                desc=self.what, total=total, unit=unit, unit_scale=scaled, initial=done, mininterval=BAR_SECONDS,
                miniters=0, leave=False,
            )  # fmt: skip
        self._bar.set_description(self.what, refresh=False)
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def progress(items: Iterable[T], total: int | None, what: str, unit: str = "images") -> Iterator[T]:
    """Passes ``items`` on and shows how many of them are done; ``total`` is None where it is unknown."""
    with Progress(what, unit) as display:
        display.show(0, total)
        for done, item in enumerate(items, start=1):
            yield item
            display.show(done, total)
