"""MATLAB 5 files from strangers: what is compressed is measured before scipy inflates it."""

import io
import struct
import zlib
from typing import Any

from exfuse.errors import UserError

MAX_INFLATED_BYTES = 64 << 20
"""ImageNet's class table, the largest that is read, inflates to a few megabytes."""

_HEADER_BYTES = 128
_BYTE_ORDER = slice(126, 128)
_LITTLE_ENDIAN = b"IM"
_TAG_BYTES = 8
_COMPRESSED = 15


def load_mat(content: bytes, variable: str, origin: str, *, squeeze: bool = False) -> dict[str, Any]:
    """A variable of a MATLAB 5 file, as scipy gives it: a dictionary that lacks what the file lacks.

    Args:
        content: the file.
        variable: its name.
        origin: the file's name in messages.
        squeeze: whether axes of length 1 are dropped.

    Raises:
        UserError: the file is damaged, or inflates beyond ``MAX_INFLATED_BYTES``.
    """
    import scipy.io  # 0.3 s that reading a prepared folder need not pay

    _check_inflated(content, origin)
    try:
        return dict(scipy.io.loadmat(io.BytesIO(content), variable_names=[variable], squeeze_me=squeeze))
    except Exception as error:  # damage surfaces in scipy as almost any exception
        raise UserError(f"{origin}: the .mat file is damaged ({error}).") from error


def _check_inflated(content: bytes, origin: str) -> None:
    order = "<" if content[_BYTE_ORDER] == _LITTLE_ENDIAN else ">"
    position, left = _HEADER_BYTES, MAX_INFLATED_BYTES
    while position + _TAG_BYTES <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, position)
        position += _TAG_BYTES
        if kind == _COMPRESSED:
            left -= _inflated_bytes(content[position : position + size], left + 1)
            if left < 0:
                raise UserError(
                    f"{origin}: the .mat file inflates to more than the {MAX_INFLATED_BYTES} bytes that are accepted. "
                    "Get the archive from its publisher again."
                )
        position += size


def _inflated_bytes(compressed: bytes, limit: int) -> int:
    try:
        return len(zlib.decompressobj().decompress(compressed, limit))
    except zlib.error:  # scipy says more about the damage
        return 0
