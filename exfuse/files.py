"""Files that appear whole or not at all: temporary name in the same folder, fsync, ``os.replace``."""

import csv
import errno
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exfuse.errors import UserError

CHUNK_BYTES = 1 << 20
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a disk says that takes no more; every other error in the middle of writing is a defect of the writer."""


@contextmanager
def writing(target: Path, only: Collection[int] | None = None) -> Iterator[None]:
    """Turns errors of writing into a user's.

    Args:
        target: what is written, for the message.
        only: numbers of the errors that are meant; none: all.

    Raises:
        UserError: the disk refuses it.
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        raise UserError(f"cannot write {target}: {error.strerror or error}. {_advice(error)}") from error


def _advice(error: OSError) -> str:
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return "Something else lies there; set another place."
    if error.errno == errno.ENAMETOOLONG:
        return "Choose a shorter name."
    return "Give the folder write permission and space, or set another place."


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes ``target`` when the block ends without an exception.

    The temporary name keeps the target's suffix, because some writers choose the format by it.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    with writing(target):
        if _is_device(target):
            raise FileExistsError(errno.EEXIST, "it is a device or a pipe")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem[:80]}.", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with writing(target, only=DISK_ERRORS):
            yield temporary
        with writing(target):
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)  # mkstemp made it 0600; results are for sharing
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _is_device(target: Path) -> bool:
    """Whether a file would take the place of a device, as root may have it do, or of a pipe."""
    return target.absolute().parent == Path("/dev") or (
        target.exists() and not target.is_file() and not target.is_dir()
    )


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target`` that replaces ``target`` when the block ends without an exception.

    What a killed process left of an earlier attempt is removed; two processes must not write one folder.

    Raises:
        UserError: the parent folder cannot be written, or the disk is full.
    """
    prefix = f".{target.name[:80]}."
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    replaced = temporary.with_name(f"{temporary.name}.old")
    try:
        with writing(target, only=DISK_ERRORS):
            yield temporary
        with writing(target):
            os.chmod(temporary, 0o755)
            if target.exists():  # moved aside at once: a process killed while it deletes must not leave half of it
                os.replace(target, replaced)
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def require_writable(folder: Path) -> None:
    """Makes a folder, and tries whether files can be made there.

    Raises:
        UserError: it cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass


def write_bytes(target: Path, content: bytes) -> None:
    """Writes ``content`` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Writes UTF-8 text atomically."""
    write_bytes(target, content.encode())


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, as in names of files in another encoding, are spelt ``\\udce9``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_json(target: Path, content: Any) -> None:
    """Writes indented JSON atomically; NaN and infinity are refused, since JSON has neither. Surrogates are escaped."""
    write_text(target, encodable(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)) + "\n")


def write_csv(target: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes rows with a header line atomically; a missing or ``None`` value is an empty cell."""
    write_text(target, csv_text(columns, rows))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows with a header line; a missing or ``None`` value is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def is_file(path: Path) -> bool:
    """Whether a file can be seen there.

    ``Path.is_file`` raises where a folder above forbids to look, or where a name is longer than the system takes.
    """
    return os.path.isfile(path)


def read_bytes(source: Path, advice: str = "") -> bytes:
    """Reads a whole file.

    Args:
        source: the file.
        advice: what to do when it cannot be read, a sentence.

    Raises:
        UserError: the file is absent or unreadable.
    """
    try:
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}. {advice}".rstrip()) from error


def read_json(source: Path) -> Any:
    """Reads JSON.

    Raises:
        UserError: the file is absent, unreadable or no JSON.
    """
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source} is not valid JSON ({error}). Delete it and run again.") from error


def read_mapping(source: Path) -> dict[str, Any]:
    """What a JSON file holds by name; nothing where it is absent, cut, or holds something else."""
    try:
        content = read_json(source)
    except UserError:
        return {}
    return content if isinstance(content, dict) else {}


def read_csv(source: Path) -> list[dict[str, str]]:
    """Reads a table with a header line.

    Raises:
        UserError: the file is absent, unreadable or no table.
    """
    try:
        with open(source, newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{source} is no table ({error}). Delete it and run again.") from error


def digest(source: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's content, read in pieces.

    Raises:
        UserError: the file is absent or unreadable.
    """
    hasher = hashlib.new(algorithm)
    try:
        with open(source, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                hasher.update(chunk)
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}.") from error
    return hasher.hexdigest()
