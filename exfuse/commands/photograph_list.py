"""Which photographs a person means by files, folders and patterns, and where each one's result goes."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exfuse.errors import UserError
from exfuse.spec.own_files import SUFFIXES


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph.

    Attributes:
        path: its file.
        mask: where its labels go.
        overlay: where its overlay goes.
        problem: why it cannot be done, where that is known beforehand.
    """

    path: Path
    mask: Path
    overlay: Path
    problem: str = ""


def list_photographs(words: Sequence[str], output: Path) -> list[Photograph]:
    """The photographs in the order in which they are named, those of a folder or pattern sorted.

    A folder is searched with all below it; its photographs keep their place there. Hidden files, those without the
    suffix of an image, what lies in ``output``, and folders behind symbolic links do not count there. A pattern takes
    whatever files it matches. Two photographs may have one name, and their results one place: only one of them can be
    done.

    Args:
        words: files, folders, or patterns (``*``, ``?``, ``[…]``, ``**``) that a shell did not expand.
        output: folder of the results; it may lie in a folder that is searched, but not be one: the next search would
            find the results, and nothing tells them from photographs.

    Raises:
        UserError: ``output`` is a folder that is searched, or a word is empty.
    """
    if "" in words:
        raise UserError("a PHOTO is empty. Give files, folders or patterns.")
    return [
        Photograph(path, output / f"{name}.png", output / f"{name}-overlay.jpg", problem)
        for word in words
        for path, name, problem in _expand(word, output)
    ]


def files_of(photographs: Iterable[Photograph]) -> frozenset[tuple[int, int]]:
    """The photographs' files by :func:`file_id`, whatever they are called."""
    ids = (file_id(photograph.path) for photograph in photographs)
    return frozenset(found for found in ids if found is not None)


def file_id(path: Path) -> tuple[int, int] | None:
    """Device and number of a file; equal under all its names, by links or in other case. None: there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _expand(word: str, output: Path) -> Iterator[tuple[Path, str, str]]:
    """Path, name without suffix below the output folder, and problem of each photograph that is meant."""
    if os.path.isdir(word):
        if os.path.realpath(word) == os.path.realpath(output):
            raise UserError(
                f"{output} is searched for photographs, and the results would go there too: the next time they would "
                f"be taken for photographs. Choose another folder with `--output`, such as {output / 'predictions'}."
            )
        yield from _below(Path(word), output)
    elif os.path.lexists(word) or not glob.has_magic(word):
        yield Path(word), Path(word).stem, ""
    else:
        matches = sorted(glob.glob(word, recursive=True))
        found = [match for match in matches if not os.path.isdir(match)]
        if not matches:
            yield Path(word), "", "no file matches it. Correct the pattern."
        elif not found:
            yield Path(word), "", "it matches folders alone. Name them without a pattern, or add `/*`."
        for match in found:
            yield Path(match), Path(match).stem, ""


def _below(folder: Path, output: Path) -> Iterator[tuple[Path, str, str]]:
    results = os.path.realpath(output)
    found = False
    unread: list[OSError] = []
    for above, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(
            name for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(above, name)) != results
        )  # fmt: skip
        for name in sorted(names):
            path = Path(above, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                found = True
                yield path, path.relative_to(folder).with_suffix("").as_posix(), ""
    for error in unread:
        yield Path(error.filename), "", f"cannot be searched: {error.strerror}. Give permission, or leave it out."
    if not found and not unread:
        yield folder, "", f"it holds no photograph ({', '.join(SUFFIXES)})."
