"""What the program says to a person in place of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

FAILED = 1
"""Exit code of a verb that failed."""
TRY_AGAIN = 75
"""Exit code of a training that was asked to end and saved its state (``EX_TEMPFAIL`` of sysexits.h)."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class UserError(Exception):
    """What is wrong, where, and what to do, in words for the person at the keyboard.

    The command line prints the message alone (no traceback) and exits with code 1. Everything else that is
    raised is a defect of the program and keeps its traceback.
    """


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Somebody asked a training to end, and it did, in words for that person; the same call goes on from there.

    The command line prints the message and exits with :data:`TRY_AGAIN`.
    """


@contextmanager
def within_memory(message: str) -> Iterator[None]:
    """Makes memory that does not suffice, of the processor or of a GPU, a user's error.

    Args:
        message: what is too large, where, and what to do.

    Raises:
        UserError: with the message.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own error of the processor's memory has no class
        words = str(error)
        if not isinstance(error, MemoryError) and "can't allocate memory" not in words and "out of memory" not in words:
            raise
        raise UserError(message) from error
