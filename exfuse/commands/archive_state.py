"""What lies in an archive's place: nothing, something else, a part of it, another version, or the archive."""

import errno
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from exfuse.commands.progress import md5_shown
from exfuse.errors import UserError
from exfuse.spec.datasets import Archive
from exfuse.spec.raw import Digests

_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Condition(Enum):
    """The verdicts on a place, with the words that follow its name."""

    MISSING = "is missing"
    DANGLING_LINK = "is a link that leads nowhere"
    DIRECTORY = "is a directory, not the archive"
    NO_FILE = "is no regular file"
    CUT_SHORT = "is cut short"
    OTHER_VERSION = "is another version"
    WRONG_MD5 = "is damaged or another version"
    RIGHT = "is right as far as it was compared"


ABSENT = (Condition.MISSING, Condition.DANGLING_LINK, Condition.DIRECTORY, Condition.NO_FILE)
"""There is no file that could be the archive."""


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """A verdict on one archive.

    Attributes:
        archive: as it is declared.
        path: where it belongs.
        condition: the verdict.
        size: bytes of what lies there; 0 where that is no file.
        md5: of what lies there, where it was compared.
    """

    archive: Archive
    path: Path
    condition: Condition
    size: int = 0
    md5: str | None = None

    @property
    def right(self) -> bool:
        """Whether nothing is known against it."""
        return self.condition is Condition.RIGHT

    @property
    def absent(self) -> bool:
        """Whether no file lies there."""
        return self.condition in ABSENT

    @property
    def fault(self) -> str:
        """What is wrong, as words that follow the archive's name."""
        words = self.condition.value
        if self.condition is Condition.CUT_SHORT:
            return f"{words}: {self.size:,} of {self.archive.size:,} bytes"
        if self.condition is Condition.OTHER_VERSION:
            return f"{words}: {self.size:,} bytes instead of {self.archive.size:,}"
        if self.condition is Condition.WRONG_MD5:
            return f"{words}: md5 {self.md5}, expected {self.archive.md5}"
        return words


def state_of(archive: Archive, path: Path, digests: Digests | None) -> ArchiveState:
    """Looks at an archive's place; the size is compared before 150 GB are read.

    Args:
        archive: as it is declared.
        path: where it belongs.
        digests: where the md5 comes from; none: it is not compared.

    Raises:
        UserError: the place cannot be looked at, or the file cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        if error.errno not in _NOTHING:
            raise UserError(f"cannot read {path}: {error.strerror}.") from error
        return ArchiveState(archive, path, Condition.DANGLING_LINK if path.is_symlink() else Condition.MISSING)
    if not stat.S_ISREG(status.st_mode):
        directory = stat.S_ISDIR(status.st_mode)
        return ArchiveState(archive, path, Condition.DIRECTORY if directory else Condition.NO_FILE)
    size = status.st_size
    if archive.size is not None and size != archive.size:
        condition = Condition.CUT_SHORT if size < archive.size else Condition.OTHER_VERSION
        return ArchiveState(archive, path, condition, size)
    if archive.md5 is None or digests is None:
        return ArchiveState(archive, path, Condition.RIGHT, size)
    md5 = md5_shown(digests, path)
    return ArchiveState(archive, path, Condition.RIGHT if md5 == archive.md5 else Condition.WRONG_MD5, size, md5)
