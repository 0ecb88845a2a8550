"""One archive from its publisher's addresses to a file that is whole and right, or to one message."""

import contextlib
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from exfuse.data.by_hand import by_hand
from exfuse.data.download.partial import Partial
from exfuse.data.download.transfer import Display, Patience, RefusedError, Transfer
from exfuse.errors import UserError
from exfuse.spec.datasets import Archive
from exfuse.spec.raw import md5

LONG_TO_READ = 1 << 30
"""Bytes whose checksum takes long enough to say so."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download gave.

    Attributes:
        size: bytes.
        md5: of the whole content; none where the publisher names none to compare it with.
        new: false where the file turned up while another process was waited for.
    """

    size: int
    md5: str | None
    new: bool = True


def download(archive: Archive, target: Path, display: Display, patience: Patience | None = None) -> Downloaded:
    """Gets an archive; what an earlier call left unfinished is gone on with.

    Args:
        archive: its addresses, in the order in which they are tried, and its size and checksum where they are known.
        target: where it belongs; nothing lies there.
        display: shows how far it is.
        patience: how long and how often to try.

    Raises:
        UserError: no address gives it, what came is not the publisher's file, another process downloads it, or the
            disk refuses it.
    """
    with Partial(target) as partial:
        if target.exists():  # another process was faster
            partial.remove()
            return Downloaded(target.stat().st_size, None, new=False)
        for last in (False, True):
            _transfer(archive, partial, display, patience or Patience())
            pieces = partial.responses
            problem, found = _problem(archive, partial, display)
            if problem is None:
                size = partial.length
                partial.finish()
                return Downloaded(size, found)
            if last or pieces < 2:
                partial.remove()
                raise UserError(f"{target}: {problem}. Nothing of it is kept. {by_hand(archive, target)}")
            display.tell(f"{target.name}: {problem}; it was put together from several parts, so once more from byte 0")
            partial.clear()
    raise AssertionError("the second round ends in a file or a message")


def _transfer(archive: Archive, partial: Partial, display: Display, patience: Patience) -> None:
    refusals = []
    for url in archive.urls:
        transfer = Transfer(
            url=url,
            partial=partial,
            size=archive.size,
            verified=archive.md5 is not None,
            patience=patience,
            display=display,
        )
        try:
            transfer.run()
            return
        except RefusedError as problem:
            refusals.append(f"{url} {problem}")
            if url != archive.urls[-1]:
                display.tell(f"{refusals[-1]}; trying the next address")
    kept = f" {partial.length:,} bytes are kept for the next call." if partial.length else ""
    raise UserError(
        f"cannot download {archive.file}: {'; '.join(refusals)}.{kept} Try later, or: "
        f"{by_hand(archive, partial.target)}"
    )


def _problem(archive: Archive, partial: Partial, display: Display) -> tuple[str | None, str | None]:
    """What is wrong with a part of the whole length, and its md5 where there is one to compare it with."""
    if archive.md5 is not None:
        if partial.length >= LONG_TO_READ:
            display.tell(f"{archive.file}: comparing the md5 of {partial.length:,} bytes")
        found = md5(partial.path)
        return (None if found == archive.md5 else f"md5 {found}, expected {archive.md5}"), found
    if not _is_archive(archive.file, partial.path):
        return f"what the server sent is no {'zip' if archive.file.endswith('.zip') else 'tar'} archive", None
    return None, None


def _is_archive(name: str, path: Path) -> bool:
    if name.endswith(".zip"):
        return zipfile.is_zipfile(path)
    with contextlib.suppress(OSError, EOFError):
        return tarfile.is_tarfile(path)
    return False
