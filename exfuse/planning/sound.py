"""Numbers of remembered files, which anyone may have damaged: believed only where they can be."""

LARGEST = 1e18


def positive(value: object) -> float:
    """A number above zero.

    Raises:
        ValueError: it is none: text, a truth value, NaN, infinite, zero, negative or beyond :data:`LARGEST`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST:
        raise ValueError(f"no number above zero: {value!r}")
    return float(value)


def whole(value: object, least: int = 0) -> int:
    """A whole number.

    Raises:
        ValueError: it is none, or below ``least``, or beyond :data:`LARGEST`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < LARGEST:
        raise ValueError(f"no whole number from {least} on: {value!r}")
    return value


def words(value: object) -> str:
    """A text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"no text: {value!r}")
    return value


def truth(value: object) -> bool:
    """Yes or no.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, bool):
        raise ValueError(f"neither true nor false: {value!r}")
    return value
