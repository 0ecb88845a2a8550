"""The command line: every rule of the workflow calls it, and each of its verbs can be run by hand."""

import io
import os
import signal
import sys

from exfuse import provenance  # noqa: F401 - starts a job's clock before libraries are loaded that take seconds
from exfuse.errors import FAILED, INTERRUPTED, TRY_AGAIN, Interrupted, UserError
from exfuse.files import DISK_ERRORS


def main() -> None:
    """Runs a verb; a user's error is one message and exit code 1, Ctrl-C exit code 130, a saved training's 75."""
    signal.signal(signal.SIGUSR1, signal.default_int_handler)  # Slurm's warning, before a training hears it
    if sys.stdout is None:  # closed by who called
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    try:
        code = _run()
        _flush()
    except OSError as error:
        if error.filename is not None or error.errno not in DISK_ERRORS:
            raise
        _let_go()  # results are written by exfuse.files, which makes this a user's error of its own
        print(f"error: cannot write the output: {error.strerror}. What is finished is kept.", file=sys.stderr)
        code = FAILED
    sys.exit(code)


def _run() -> int | str | None:
    """Loads the verbs, which takes long enough for a Ctrl-C, and runs one; gives the exit code."""
    try:
        from exfuse.cli.program import app

        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # names of files, in a locale that has not their letters
        app()
    except Interrupted as end:
        _say(f"interrupted: {end}")
        return TRY_AGAIN
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, SystemExit) as end:  # typer turns Ctrl-C into an exit without a word
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            return end.code
        _say("interrupted; what is finished is kept")
        return INTERRUPTED
    return 0


def _say(message: str) -> None:
    """Once, where several processes share a training."""
    if os.environ.get("RANK", "0") == "0":
        print(message, file=sys.stderr)


def _flush() -> None:
    """Writes what is left on standard output, unless whoever reads it has read enough.

    Raises:
        OSError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go()


def _let_go() -> None:
    """Standard output leads nowhere from now on; else Python tries again as it ends, and says so in its own words."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
