"""Names that a person mistyped, and the nearest valid one."""

import difflib
from collections.abc import Iterable

from exfuse.errors import UserError


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for an unknown name: "did you mean 'x'?" where one is close, otherwise the valid names."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid: {', '.join(names)}" if names else "none is valid here"


def require(name: str, valid: Iterable[str], what: str, where: str) -> None:
    """Checks that ``name`` is one of ``valid``.

    Args:
        name: the name to look for.
        valid: the names that exist.
        what: what the name stands for ("run", "backbone", …).
        where: file and key that hold the name.

    Raises:
        UserError: it is none of them.
    """
    names = list(valid)
    if name not in names:
        raise UserError(f"{where}: unknown {what} '{name}'; {nearest(name, names)}")
