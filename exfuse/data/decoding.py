"""Decoding of images for training and evaluation: torchvision's JPEG decoder where the header allows, PIL elsewhere.

Both are built on libjpeg-turbo and give the same pixels for the JPEGs that the fast path takes, so which of them
decodes is a matter of speed alone. Neither applies EXIF's rotation: masks are in sensor orientation.
"""

import torch
from torch import Tensor

from exfuse.data.images import MAX_PIXELS, decode_rgb

_START_OF_IMAGE = b"\xff\xd8"
_PLAIN_FRAMES = (0xC0, 0xC2)  # baseline and progressive, Huffman-coded
_OTHER_FRAMES = (0xC1, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)  # lossless, arithmetic, …
_START_OF_SCAN = 0xDA
_APP14 = 0xEE


def decode_image(content: bytes, origin: str = "image") -> Tensor:
    """Decodes a JPEG or PNG by its header, whatever its name says.

    Args:
        content: the file's bytes.
        origin: the image's name in messages.

    Returns:
        RGB uint8 (3, H, W) as stored, channels last in memory.

    Raises:
        UserError: no image, a damaged one, or one of more than ``MAX_PIXELS``.
    """
    if is_plain_jpeg(content):
        from torchvision.io import ImageReadMode, decode_jpeg  # seconds, once a process

        try:
            return decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
        except RuntimeError:
            pass  # PIL has the last word on what is damaged, here as in the preparation
    pixels = decode_rgb(content, origin)
    # torch takes no read-only memory, which PIL's pixels may be
    return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy()).permute(2, 0, 1)


def is_plain_jpeg(content: bytes) -> bool:
    """Whether a header is that of a JPEG which every decoder reads alike, with at most ``MAX_PIXELS``.

    That is 8 bits, baseline or progressive, grey or YCbCr. CMYK, RGB without a colour transform, 12 bits, arithmetic
    coding, lossless JPEG and whatever looks odd are not.
    """
    if not content.startswith(_START_OF_IMAGE):
        return False
    position, frame = len(_START_OF_IMAGE), b""
    while content[position : position + 1] == b"\xff" and position + 4 <= len(content):
        marker = content[position + 1]
        if marker == 0xFF:  # markers may be preceded by fill bytes
            position += 1
            continue
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        segment = content[position + 4 : end]
        if marker == _START_OF_SCAN:
            return _is_plain_frame(frame)
        if marker in _OTHER_FRAMES or (marker in _PLAIN_FRAMES and frame):
            return False
        if marker in _PLAIN_FRAMES:
            frame = segment
        elif marker == _APP14 and segment.startswith(b"Adobe") and segment[11:12] != b"\x01":
            return False  # its colours are not YCbCr
        position = end
    return False


def _is_plain_frame(frame: bytes) -> bool:
    """``frame`` is precision, height and width (two bytes each), number of components, three bytes for each."""
    if len(frame) < 6 or frame[0] != 8:
        return False
    height, width, components = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big"), frame[5]
    if not 0 < height * width <= MAX_PIXELS or len(frame) != 6 + 3 * components:
        return False
    return components == 1 or (components == 3 and frame[6::3] != b"RGB")
