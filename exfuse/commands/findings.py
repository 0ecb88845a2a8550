"""What a check found: a line for each thing that was looked at, and at the end all that is wrong."""

from pathlib import Path

from exfuse.commands.progress import md5_shown
from exfuse.data.download.partial import part_of
from exfuse.errors import UserError
from exfuse.spec.datasets import Archive
from exfuse.spec.raw import Digests


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


def inspect(archive: Archive, path: Path, findings: Findings, digests: Digests | None, how_to_get: str | None) -> bool:
    """One line on an archive.

    Args:
        archive: as it is declared.
        path: where it belongs.
        findings: takes the line.
        digests: where the md5 comes from; none: it is not compared.
        how_to_get: what to do when it is missing; none: it may be.

    Returns:
        Whether its members can be counted.
    """
    if not path.is_file():
        _inspect_absence(archive, path, findings, how_to_get)
        return False
    size = path.stat().st_size
    line = f"  {archive.file}: {size:,} bytes"
    if archive.size is not None and size != archive.size:
        of = f"{size:,} of {archive.size:,} bytes"
        what = f"cut short, {of}" if size < archive.size else f"another version, {of}"
        findings.problem(f"  {archive.file}: {what}; get it again", f"{archive.file} is {what}")
        return size > archive.size
    line += ", complete" if archive.size is not None else ""
    if archive.md5 is None:
        findings.say(f"{line}, md5 unknown")
    elif digests is None:
        findings.say(f"{line}, md5 not compared")
    else:
        _inspect_md5(archive, path, line, findings, digests)
    return True


def _inspect_md5(archive: Archive, path: Path, line: str, findings: Findings, digests: Digests) -> None:
    found = md5_shown(digests, path)
    if found == archive.md5:
        findings.say(f"{line}, md5 right")
    else:
        findings.problem(
            f"{line}, md5 {found}, expected {archive.md5}: damaged or another version; get it again",
            f"{archive.file} has a wrong md5",
        )


def _inspect_absence(archive: Archive, path: Path, findings: Findings, how_to_get: str | None) -> None:
    if path.is_dir():
        what = "a directory is in its place"
    elif path.is_symlink():
        what = "a link that leads nowhere"
    elif part_of(path).is_file():
        done = part_of(path).stat().st_size
        what = f"unfinished download of {done:,} bytes, which `exfuse data fetch` goes on with"
    else:
        what = "missing"
    if how_to_get is None:
        findings.say(f"  {archive.file}: {what}, not needed")
    else:
        summary = "is missing" if not path.is_dir() else "is a directory"
        findings.problem(f"  {archive.file}: {what}. {how_to_get}", f"{archive.file} {summary}")
