"""`exfuse predict`: the classes of photographs, each as a label mask and, where wanted, as an overlay."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from exfuse.commands.photograph_list import Photograph, list_photographs
from exfuse.data.images import encode_mask
from exfuse.data.photographs import decode_photograph
from exfuse.data.progress import Progress
from exfuse.errors import UserError
from exfuse.files import read_bytes, require_writable, write_bytes
from exfuse.spec.weights import SegmenterInfo, read_segmenter_info

if TYPE_CHECKING:
    from exfuse.evaluation.predictor import Predictor

BACKGROUND = "background"


def run(
    weights: Path,
    photos: Sequence[str],
    output: Path,
    *,
    flip: bool = False,
    overlay: bool = False,
    overwrite: bool = False,
    device: str = "auto",
) -> None:
    """Segments photographs; what fails is told at the end and keeps none of the others from being done.

    Args:
        weights: of a segmentation network.
        photos: files, folders or patterns.
        output: folder of the results.
        flip: whether scores are averaged with the mirrored photograph's.
        overlay: whether overlays are written too.
        overwrite: whether results that exist are replaced.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: the weights or the folder cannot be used, or a photograph failed.
    """
    read_segmenter_info(weights)
    listed = list_photographs(photos, output)
    if any(not photograph.problem for photograph in listed):
        require_writable(output)
    failures: list[str] = []
    predictor: Predictor | None = None
    with Progress("predict", "photographs") as display:
        for done, photograph in enumerate(listed):
            display.show(done, len(listed))
            try:
                pixels = _read(photograph, overlay, overwrite)
            except UserError as error:
                failures.append(str(error))
                continue
            predictor = predictor or _load(weights, device)
            labels = _labels(predictor, pixels, flip, display, (done, len(listed)))
            try:
                _write(photograph, pixels, labels, predictor.info, overlay)
            except UserError as error:
                failures.append(str(error))
                continue
            _say(f"{photograph.path} → {photograph.mask}: {_shares(labels, predictor.info)}")
    if failures:
        raise UserError(_shown(_summary(len(listed), failures)))


def _read(photograph: Photograph, overlay: bool, overwrite: bool) -> NDArray[np.uint8]:
    """RGB (H, W, 3), after all that can be wrong before the network is asked."""
    if photograph.problem:
        raise UserError(f"{photograph.path}: {photograph.problem}")
    for target in (photograph.mask, photograph.overlay) if overlay else (photograph.mask,):
        if not overwrite and os.path.lexists(target):
            raise UserError(
                f"{photograph.path}: {target} exists. Choose another folder with `--output`, or say `--overwrite`."
            )
    return decode_photograph(read_bytes(photograph.path), str(photograph.path))


def _load(weights: Path, device: str) -> "Predictor":
    from exfuse.evaluation.predictor import Predictor

    return Predictor.in_own_process(weights, device)


def _labels(
    predictor: "Predictor", pixels: NDArray[np.uint8], flip: bool, display: Progress, place: tuple[int, int]
) -> NDArray[np.uint8]:
    """(H, W), as in label masks; of a large photograph it is shown how far it is."""
    import torch

    image = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy()).permute(2, 0, 1)
    bands: list[NDArray[np.uint8]] = []
    rows = 0
    for band in predictor.label_bands(image, flip):
        bands.append(band)
        rows += len(band)
        if rows < len(pixels):
            display.what = f"predict ({rows / len(pixels):.0%} of one)"
            display.show(*place)
    display.what = "predict"
    return np.concatenate(bands)


def _write(
    photograph: Photograph, pixels: NDArray[np.uint8], labels: NDArray[np.uint8], info: SegmenterInfo, overlay: bool
) -> None:
    files = {photograph.mask: encode_mask(labels)}
    if overlay:
        from exfuse.evaluation.overlay import encode_overlay
        from exfuse.evaluation.overlay import overlay as over

        background = info.labels[0] if info.classes[0] == BACKGROUND else None
        files[photograph.overlay] = encode_overlay(over(pixels, labels, background))
    for target, content in files.items():
        write_bytes(target, content)


def _shares(labels: NDArray[np.uint8], info: SegmenterInfo) -> str:
    """As "background 71%, cat 29%": the classes that were found, the largest first."""
    counts = np.bincount(labels.ravel(), minlength=256)
    found = [(counts[label], name) for name, label in zip(info.classes, info.labels, strict=True) if counts[label]]
    shares = ((name, count / labels.size) for count, name in sorted(found, key=lambda item: -item[0]))
    return ", ".join(f"{name} {share:.0%}" if share >= 0.005 else f"{name} <1%" for name, share in shares)


def _summary(total: int, failures: Sequence[str]) -> str:
    lines = "".join(f"\n  {failure}" for failure in failures)
    return f"{total - len(failures)} of {total} done; {len(failures)} failed:{lines}"


def _say(line: str) -> None:
    """A line on standard output, above a bar that is there."""
    tqdm.write(_shown(line))


def _shown(text: str) -> str:
    """Text that can be printed: names of files may hold bytes that are no text."""
    return os.fsencode(text).decode(errors="replace")
