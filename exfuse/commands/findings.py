"""What a check found: a line for each thing that was looked at, and at the end all that is wrong."""

from exfuse.commands.archive_state import ArchiveState, Condition
from exfuse.data.download.partial import part_of
from exfuse.errors import UserError


class Findings:
    """Prints as it goes and remembers the problems."""

    def __init__(self) -> None:
        """Starts with none."""
        self._problems: list[str] = []

    def say(self, line: str) -> None:
        """Prints a line."""
        print(line, flush=True)

    def problem(self, line: str, summary: str) -> None:
        """Prints a line that tells what is wrong and what to do, and keeps its summary for the end."""
        self.say(f"{line}  ← problem")
        self._problems.append(summary)

    def close(self, what: str) -> None:
        """Prints the last line.

        Raises:
            UserError: something is wrong; it sums up everything.
        """
        if self._problems:
            number = "1 problem" if len(self._problems) == 1 else f"{len(self._problems)} problems"
            raise UserError(f"{what}: {number}: {'; '.join(self._problems)}.")
        self.say(f"{what}: nothing is wrong")


def say_state(state: ArchiveState, findings: Findings, *, required: bool, compared: bool) -> None:
    """One line on an archive.

    Args:
        state: the verdict on it.
        findings: takes the line.
        required: whether a fault is a problem; else it is only said.
        compared: whether its md5 was compared, where one is known.
    """
    archive = state.archive
    if state.right:
        complete = ", complete" if archive.size is not None else ""
        md5 = "unknown" if archive.md5 is None else "right" if compared else "not compared"
        findings.say(f"  {archive.file}: {state.size:,} bytes{complete}, md5 {md5}")
        return
    line = f"  {archive.file} {state.fault}{_unfinished(state)}"
    if required:
        findings.problem(line, f"{archive.file} {state.fault}")
    else:
        findings.say(f"{line}, not needed")


def _unfinished(state: ArchiveState) -> str:
    part = part_of(state.path)
    if state.condition is not Condition.MISSING or not part.is_file():
        return ""
    return f" (unfinished download of {part.stat().st_size:,} bytes, which `exfuse data fetch` goes on with)"
