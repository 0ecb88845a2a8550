"""Which photographs a person means by files, folders and patterns, and where each one's result goes."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    suffix of an image, and what lies in ``output`` do not count there.

    Args:
        words: files, folders, or patterns (``*``, ``?``, ``[…]``, ``**``) that a shell did not expand.
        output: folder of the results.
    """
    photographs: list[Photograph] = []
    taken: dict[Path, Path] = {}
    for word in words:
        for path, name, problem in _expand(word, output):
            mask = output / f"{name}.png"
            if not problem and (other := taken.setdefault(mask, path)) is not path:
                problem = f"it would be written to {mask}, as {other}. Rename one, or predict them into two folders."
            photographs.append(Photograph(path, mask, output / f"{name}-overlay.jpg", problem))
    return photographs


def _expand(word: str, output: Path) -> Iterator[tuple[Path, str, str]]:
    """Path, name without suffix below the output folder, and problem of each photograph that is meant."""
    if os.path.isdir(word):
        yield from _below(Path(word), output)
    elif os.path.lexists(word) or not glob.has_magic(word):
        yield Path(word), Path(word).stem, ""
    else:
        matches = sorted(glob.glob(word, recursive=True))
        if not matches:
            yield Path(word), "", "no file matches it. Correct the pattern."
        for match in matches:
            if not os.path.isdir(match):
                yield Path(match), Path(match).stem, ""


def _below(folder: Path, output: Path) -> Iterator[tuple[Path, str, str]]:
    results = os.path.realpath(output)
    found = False
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(above, name)) != results
        )  # fmt: skip
        for name in sorted(names):
            path = Path(above, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                found = True
                yield path, path.relative_to(folder).with_suffix("").as_posix(), ""
    if not found:
        yield folder, "", f"it holds no photograph ({', '.join(SUFFIXES)})."
