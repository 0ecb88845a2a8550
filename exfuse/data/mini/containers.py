"""Archives and files whose bytes depend on their content alone: no clock, no user, no compressor's version."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.io
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.data.mini.drawing import Map, Picture

Member = tuple[str, bytes]
"""Path and content; a path that ends in ``/`` is a folder."""

JPEG_QUALITY = 90
STORED_BYTES = 0xFFFF
MAT_HEADER = b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 1970"
MAT_HEADER_BYTES = 116
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def _stored_deflate(content: bytes) -> bytes:
    """A deflate stream (RFC 1951) of stored blocks: the one form that every zlib build would agree on."""
    blocks = [content[start : start + STORED_BYTES] for start in range(0, len(content), STORED_BYTES)] or [b""]
    parts = []
    for number, block in enumerate(blocks, 1):
        final = number == len(blocks)
        parts.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block)
    return b"".join(parts)


def gzipped(content: bytes) -> bytes:
    """A gzip file (RFC 1952) without compression, name or time."""
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return header + _stored_deflate(content) + trailer


def tarred(members: Iterable[Member]) -> bytes:
    """An uncompressed tar archive, members in the order given."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.size = len(content)
            folder = name.endswith("/")
            entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
            entry.mode = 0o755 if folder else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(members: Iterable[Member]) -> bytes:
    """An uncompressed zip archive, members in the order given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, date_time=ZIP_DATE)
            entry.create_system = 3  # otherwise the byte names the operating system that wrote it
            entry.external_attr = (0o40755 if name.endswith("/") else 0o100644) << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def jpeg(picture: Picture, mode: str = "RGB") -> bytes:
    """A JPEG file of an (H, W, 3) picture in a colour mode (``RGB``, ``L``, ``CMYK``)."""
    stream = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _png(values: np.ndarray, colour_type: int, extra: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG file (8 bits a channel) whose pixel data is stored, not compressed."""
    height, width = values.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), values.reshape(height, -1)], axis=1).tobytes()
    data = b"\x78\x01" + _stored_deflate(rows) + struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", data), (b"IEND", b"")]
    packed = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def palette_png(labels: Map) -> bytes:
    """A palette PNG of label indices (H, W) in VOC's colours."""
    return _png(labels, 3, [(b"PLTE", voc_palette())])


def rgb_png(picture: Picture) -> bytes:
    """A PNG of an (H, W, 3) picture."""
    return _png(picture, 2)


def matlab(variables: Mapping[str, Any]) -> bytes:
    """A MATLAB 5 file; SciPy writes the time into its header, which is replaced by a fixed one."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables, do_compression=False)
    return MAT_HEADER.ljust(MAT_HEADER_BYTES) + stream.getvalue()[MAT_HEADER_BYTES:]
