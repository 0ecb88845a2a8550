"""What reading raises of archives and images that are damaged."""

import lzma
import struct
import zipfile
import zlib

from PIL import Image

CUT = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, OverflowError, SyntaxError, struct.error,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, Image.DecompressionBombError,
)  # fmt: skip
"""What archives and images raise that are damaged: Zip knows encryption and a dozen methods of compression."""
