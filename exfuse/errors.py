"""What the program says to a person in place of a traceback."""


class UserError(Exception):
    """What is wrong, where, and what to do, in words for the person at the keyboard.

    The command line prints the message alone (no traceback) and exits with code 1. Everything else that is
    raised is a defect of the program and keeps its traceback.
    """


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Somebody asked a training to end, and it did, in words for that person; the same call goes on from there.

    The command line prints the message and exits with code 75 (``EX_TEMPFAIL`` of sysexits.h: try again).
    """


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory did not suffice, of the processor or of a GPU: torch's error of the former has no class."""
    words = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in words or "out of memory" in words
