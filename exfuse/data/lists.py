"""What all publishers' lists have to be, and the numbers that are declared of them."""

import re
from collections.abc import Mapping

from exfuse.errors import UserError

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def read_list(content: bytes, origin: str) -> list[str]:
    """Image ids of a publisher's split list, one a line.

    Raises:
        UserError: an id is no plain file name, or stands there twice.
    """
    ids = content.decode("utf-8", "replace").split("\n")
    ids = [stripped for line in ids if (stripped := line.strip())]
    seen: set[str] = set()
    for identifier in ids:
        check_id(identifier, origin)
        if identifier in seen:
            raise UserError(f"{origin}: the list names {identifier} twice.")
        seen.add(identifier)
    return ids


def check_id(identifier: str, origin: str) -> None:
    """Refuses what could not be a file's name: ids become file names.

    Raises:
        UserError: always then.
    """
    if not _ID.fullmatch(identifier):
        raise UserError(f"{origin}: `{identifier}` is no image id (letters, digits, `_`, `-` and `.`).")


def check_counts(found: Mapping[str, int], expected: Mapping[str, int], origin: str) -> None:
    """Holds what an archive has to what the spec declares.

    Args:
        found: images by split, or classes.
        expected: likewise; only what both name is compared.
        origin: the archive, and the list where there is one.

    Raises:
        UserError: a number differs.
    """
    for name, number in found.items():
        if expected.get(name, number) != number:
            what = name if name == "classes" else f"images in `{name}`"
            raise UserError(
                f"{origin}: {number} {what}, expected {expected[name]}. The archive is incomplete or another release: "
                "get it from its publisher again. A folder that holds fewer has to be declared in "
                "params/datasets.yaml, with `subset_of` and `counts` of its own."
            )
