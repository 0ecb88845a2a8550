"""When a training saves its state: every few minutes, when it is asked to end, and when it is done."""

import errno
import sys
import time
from collections.abc import Callable
from typing import Any

from exfuse.errors import Interrupted, UserError
from exfuse.training.interruption import Interruption
from exfuse.training.state import StateFolder
from exfuse.training.team import ALONE, Team

NOTHING, SAVE, END = range(3)
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Saving:
    """The saver of one training.

    Args:
        states: where; none: nothing is saved, and who asks it to end is obeyed all the same.
        content: gives what has to be saved after a number of steps.
        title: of the training, for messages.
        steps: of the whole training.
        seconds: between two states.
        team: of which the first process saves.
    """

    def __init__(
        self,
        states: StateFolder | None,
        content: Callable[[], dict[str, Any]],
        title: str,
        steps: int,
        seconds: float,
        team: Team = ALONE,
    ) -> None:
        self._states = states
        self._content = content
        self._title = title
        self._steps = steps
        self._seconds = seconds
        self._team = team
        self._last = time.monotonic()

    def after(self, done: int, interruption: Interruption) -> None:
        """Called after each step.

        Args:
            done: steps that are done.
            interruption: whether somebody wants the training to end.

        Raises:
            Interrupted: the training was asked to end; its state is saved.
            UserError: it was asked to end and its state cannot be written.
        """
        wish = self._wish(done, interruption)
        if wish == END:
            content = self._content()
            try:
                self._save(done, content)
            finally:
                self._team.highest(NOTHING)  # nobody ends, and has the others ended, before the state is written
            self._stop(done)
        if wish == SAVE:
            content = self._content()
            try:
                self._save(done, content)
            except UserError as error:  # hours of training are not given up for a disk that may get room again
                print(f"{self._title}: the state of step {done} is not saved: {error}", file=sys.stderr)
            self._last = time.monotonic()

    def end(self, done: int, interruption: Interruption) -> None:
        """Called after the last step, whose state is saved: a signal may have come while it was.

        Raises:
            Interrupted: it has.
        """
        if self._team.highest(END if interruption.signal is not None else NOTHING) == END:
            self._stop(done)

    def _stop(self, done: int) -> None:
        kept = "its state is saved, and the next call goes on from there" if self._states else "nothing is saved"
        raise Interrupted(f"{self._title}: stopped after step {done} of {self._steps}; {kept}")

    def _wish(self, done: int, interruption: Interruption) -> int:
        """What happens now, on which all processes agree."""
        if interruption.signal is not None:
            own = END
        else:
            due = time.monotonic() - self._last >= self._seconds or done == self._steps
            own = SAVE if due else NOTHING
        return self._team.highest(own)

    def _save(self, done: int, content: dict[str, Any]) -> None:
        if self._states is None or not self._team.leads:
            return
        try:
            self._states.save(done, content)
        except UserError as error:
            full = isinstance(error.__cause__, OSError) and error.__cause__.errno in DISK_FULL
            if not (full and self._states.make_room()):
                raise
            self._states.save(done, content)
