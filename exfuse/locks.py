"""Locks of files between processes: whatever ends a process releases its own."""

import errno
import fcntl
from pathlib import Path

from exfuse.errors import UserError

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems say that have no locks, or none as they are mounted."""


def is_taken(descriptor: int, place: Path) -> bool:
    """Takes the lock of an open file, unless another process holds it; whatever ends this one releases it.

    Args:
        descriptor: of the file.
        place: its path, for the message.

    Raises:
        UserError: the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        raise UserError(
            f"cannot lock {place}: {error.strerror}. Its file system has no locks; have it mounted with them (Lustre: "
            "`flock`, NFS: without `nolock`), or work in a folder of another one."
        ) from error
    return True
