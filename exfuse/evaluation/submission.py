"""The archive for VOC's test server (Table 8): written, and checked before a person uploads it.

``results/VOC2012/Segmentation/comp6_test_cls/<id>.png`` in a ``.tar.gz``, indexed PNGs with VOC's palette and labels
0–20. comp6 is the competition with data from outside VOC.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from exfuse.data.images import encode_mask, opened
from exfuse.data.labels import VOC_CLASSES, voc_palette
from exfuse.errors import UserError
from exfuse.files import CHUNK_BYTES, atomic_path

FOLDER = PurePosixPath("results/VOC2012/Segmentation/comp6_test_cls")
MAX_MEMBER_BYTES = 16 << 20
LISTED = 3


def write_submission(predictions: Iterable[tuple[str, NDArray[np.uint8]]], target: Path) -> None:
    """Writes the archive; the same predictions give the same bytes, in whatever order they come.

    Args:
        predictions: id and labels (H, W) in VOC's ids of each test image.
        target: the ``.tar.gz``.

    Raises:
        UserError: the folder cannot be written.
        ValueError: a label is outside 0–20, or an id comes twice.
    """
    masks: dict[str, bytes] = {}
    for name, labels in predictions:
        if labels.size and labels.max() >= len(VOC_CLASSES):
            raise ValueError(f"the prediction for {name} holds the label {labels.max()}")
        if name in masks:
            raise ValueError(f"{name} is predicted twice")
        masks[name] = encode_mask(labels)
    with (
        atomic_path(target) as temporary,
        open(temporary, "wb") as stream,
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in sorted(masks.items()):
            member = tarfile.TarInfo(str(FOLDER / f"{name}.png"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def check_submission(source: Path, expected: Mapping[str, tuple[int, int]]) -> None:
    """Refuses an archive that the server would refuse or score wrongly.

    Args:
        source: the ``.tar.gz``.
        expected: width and height of each test image by id.

    Raises:
        UserError: the file is unreadable, or a member is misplaced, doubled, missing, superfluous, no indexed PNG,
            of another palette or size, or holds a value that is no class.
    """
    seen: set[str] = set()
    try:
        with gzip.open(source) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if member.isdir() and FOLDER.is_relative_to(member.name):
                    continue
                name = _id_of(member, source)
                if name in seen:
                    raise UserError(f"{source} holds {member.name} twice.")
                if name not in expected:
                    raise UserError(f"{source} holds {member.name}, which is no test image.")
                seen.add(name)
                content = archive.extractfile(member)
                assert content is not None, "a regular file has content"
                _check_mask(content.read(), expected[name], f"{member.name} in {source}")
            while stream.read(CHUNK_BYTES):  # gzip's checksum stands at its end
                pass
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(f"{source} is no readable .tar.gz ({error}). Write the submission again.") from error
    if missing := sorted(set(expected) - seen):
        shown = ", ".join(missing[:LISTED]) + (", …" if len(missing) > LISTED else "")
        raise UserError(f"{source} lacks {len(missing)} of {len(expected)} test images: {shown}.")


def _id_of(member: tarfile.TarInfo, source: Path) -> str:
    path = PurePosixPath(member.name)
    if not member.isreg() or path.parent != FOLDER or path.suffix != ".png":
        raise UserError(f"{source} holds {member.name}; only files {FOLDER}/<id>.png may be there.")
    if member.size > MAX_MEMBER_BYTES:
        raise UserError(f"{member.name} in {source} has {member.size} bytes, more than any mask needs.")
    return path.stem


def _check_mask(content: bytes, size: tuple[int, int], origin: str) -> None:
    with opened(content, origin, ("PNG",)) as mask:
        if mask.mode != "P":
            raise UserError(f"{origin} is a {mask.mode} image, not an indexed PNG.")
        if mask.size != size:
            raise UserError(f"{origin} has {mask.width}×{mask.height} pixels, its image {size[0]}×{size[1]}.")
        labels = np.asarray(mask)
        palette = bytes(mask.getpalette() or ())
    if labels.max() >= len(VOC_CLASSES):
        raise UserError(f"{origin} holds the label {labels.max()}; only 0…{len(VOC_CLASSES) - 1} are classes.")
    used = 3 * len(VOC_CLASSES)
    if palette[:used] != voc_palette()[:used]:
        raise UserError(f"{origin} has another palette than VOC's.")
