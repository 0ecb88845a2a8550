"""The arrays of a large JSON object, element by element, in a memory that does not grow with the file.

One pass over ijson's events, whatever the arrays' order. ``ijson.items`` would need a pass an array and take as long,
does not tell an absent array from an empty one, and its memory grows with the square of the depth of nesting.
"""

from collections.abc import Callable, Collection, Iterator
from typing import IO, Any

import ijson

BUFFER_BYTES = 1 << 16
MAX_ELEMENT_BYTES = 64 << 20
"""An element that does not end within this length is refused."""
MAX_DEPTH = 100
"""COCO's entries have three levels."""

_OPENING, _CLOSING = frozenset({"start_map", "start_array"}), frozenset({"end_map", "end_array"})

_Event = tuple[str, Any]


class _Limited:
    """A stream that refuses to be read too far beyond a mark."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._since = stream, 0

    def read(self, size: int) -> bytes:
        if self._since > MAX_ELEMENT_BYTES:
            raise ValueError(f"an element does not end within {MAX_ELEMENT_BYTES} bytes")
        content = self._stream.read(size)
        self._since += len(content)
        return content

    def mark(self) -> None:
        self._since = 0


def read_arrays(stream: IO[bytes], names: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Name of the array and element, for some arrays at the top of a JSON object, in the file's order.

    Args:
        stream: UTF-8 text; it is read to its end.
        names: the arrays, all of which have to be there; other keys are passed over.

    Raises:
        ValueError: the text is no JSON object, is nested too deeply, has a number of more than 64 bits, or an array is
            absent, doubled or no array.
    """
    limited = _Limited(stream)
    try:
        yield from _arrays(ijson.basic_parse(limited, use_float=True, buf_size=BUFFER_BYTES), limited, names)
    except ijson.JSONError as error:
        raise ValueError(_in_words(error)) from error


def _arrays(events: Iterator[_Event], limited: _Limited, names: Collection[str]) -> Iterator[tuple[str, Any]]:
    met: set[str] = set()
    if next(events)[0] != "start_map":
        raise ValueError("it is no object")
    for event, key in events:
        if event == "end_map":  # its own; the loop goes on to what may follow it
            continue
        first = next(events)
        if key not in names:
            _follow(first, events, lambda *_: limited.mark())
        elif key in met:
            raise ValueError(f"{key} stands there twice")
        elif first[0] != "start_array":
            raise ValueError(f"{key} is no array")
        else:
            met.add(key)
            yield from ((key, element) for element in _elements(events, limited))
    if absent := sorted(set(names) - met):
        raise ValueError(f"{', '.join(absent)} is absent")


def _elements(events: Iterator[_Event], limited: _Limited) -> Iterator[Any]:
    for first in events:
        if first[0] == "end_array":
            return
        builder = ijson.ObjectBuilder()
        _follow(first, events, builder.event)
        limited.mark()
        yield builder.value


def _follow(first: _Event, events: Iterator[_Event], visit: Callable[[str, Any], object]) -> None:
    """Shows each event of one value to ``visit``."""
    visit(*first)
    depth = int(first[0] in _OPENING)
    while depth:
        event, value = next(events)
        visit(event, value)
        if event in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        elif event in _CLOSING:
            depth -= 1


def _in_words(error: ijson.JSONError) -> str:
    """The reason and the text around the place, of the lines that the parser draws."""
    drawn = error.args[0] if error.args else ""
    lines = drawn.decode(errors="replace") if isinstance(drawn, bytes) else str(drawn)
    reason, _, rest = lines.partition("\n")
    near = rest.partition("\n")[0].strip()
    return f"{reason.rstrip('.')} near `{near}`" if near else reason
