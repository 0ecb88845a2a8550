"""`exfuse predict`: the classes of photographs, each as a label mask and, where wanted, as an overlay."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Never

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from exfuse.commands.photograph_list import Photograph, file_id, files_of, list_photographs
from exfuse.commands.words import printable
from exfuse.data.images import encode_mask
from exfuse.data.photographs import decode_photograph
from exfuse.data.progress import Progress, say
from exfuse.errors import UserError, within_memory
from exfuse.files import read_bytes, require_writable, write_bytes
from exfuse.spec.weights import SegmenterInfo, read_segmenter_info

if TYPE_CHECKING:
    from exfuse.evaluation.predictor import Predictor

BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is done with each photograph.

    Attributes:
        output: folder of the results.
        flip: whether scores are averaged with the mirrored photograph's.
        overlay: whether overlays are written too.
        overwrite: whether results that exist are replaced.
        originals: files that are never replaced.
    """

    output: Path
    flip: bool
    overlay: bool
    overwrite: bool
    originals: frozenset[tuple[int, int]]


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
        overwrite: whether results that exist are replaced; a photograph that is named never is.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: the weights or the folder cannot be used, or a photograph failed.
    """
    read_segmenter_info(weights)
    listed = list_photographs(photos, output)
    wanted = _Wanted(output, flip, overlay, overwrite, files_of(listed))
    written: dict[Path, Path] = {}
    failures: list[str] = []
    try:
        with _ending_in_order():
            _segment(listed, weights, device, wanted, written, failures)
    except (KeyboardInterrupt, SystemExit, OSError, UserError):
        if failures:
            say(_summary(len(written), len(listed), failures))
        raise
    if failures:
        raise UserError(_summary(len(written), len(listed), failures))


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Ends the block by an exception where the program is told to end, so that half a result is taken back."""

    def end(number: int, _: object) -> Never:
        sys.exit(128 + number)  # as shells have it

    numbers = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}
    changed = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def _segment(
    listed: Sequence[Photograph], weights: Path, device: str, wanted: _Wanted, written: dict[Path, Path],
    failures: list[str],
) -> None:  # fmt: skip
    """Does what can be done.

    Args:
        listed: the photographs.
        weights: of a segmentation network.
        device: ``auto``, ``cpu`` or ``cuda``.
        wanted: what is done with each photograph.
        written: gets the photograph of each mask that is written.
        failures: gets the message of each photograph that failed.
    """
    predictor: Predictor | None = None
    with Progress("predict", "photographs") as display:
        for done, photograph in enumerate(listed):
            display.show(done, len(listed))
            pixels = None
            with _noted(failures), within_memory(_too_large(photograph.path)):
                pixels = _read(photograph, wanted, written)
            if pixels is None:
                continue
            if predictor is None:
                require_writable(wanted.output)
                predictor = _load(weights, device)
            seen = ""
            with _noted(failures), within_memory(_too_large(photograph.path)):
                labels = _labels(predictor, pixels, wanted.flip, display, (done, len(listed)))
                _write(photograph, pixels, labels, predictor.info, wanted.overlay)
                written[photograph.mask] = photograph.path
                seen = f"{photograph.path} → {photograph.mask}: {_shares(labels, predictor.info)}"
            if seen:
                _say(seen)


@contextmanager
def _noted(failures: list[str]) -> Iterator[None]:
    """Ends the block at a user's error, and keeps its message."""
    try:
        yield
    except UserError as error:
        failures.append(str(error))


def _too_large(what: Path) -> str:
    return (
        f"{what}: the memory does not suffice. Free some (other programs, a smaller picture), or use `--device cpu` "
        "where a GPU is full."
    )


def _read(photograph: Photograph, wanted: _Wanted, written: Mapping[Path, Path]) -> NDArray[np.uint8]:
    """RGB (H, W, 3), after all that can be wrong before the network is asked.

    Args:
        photograph: what is read.
        wanted: what is done with it.
        written: the photograph of each mask that this call has written; not even ``--overwrite`` replaces one.
    """
    if photograph.problem:
        raise UserError(f"{photograph.path}: {photograph.problem}")
    if os.path.exists(photograph.path) and not os.path.isfile(photograph.path):  # a pipe would be waited for
        raise UserError(f"{photograph.path}: it is no file. Give an image.")
    if (other := written.get(photograph.mask)) is not None:
        raise UserError(
            f"{photograph.path}: it would be written to {photograph.mask}, as {other} was. Rename one, or predict them "
            "into two folders."
        )
    for target in (photograph.mask, photograph.overlay) if wanted.overlay else (photograph.mask,):
        if file_id(target) in wanted.originals:
            raise UserError(
                f"{photograph.path}: its result {target} would replace a photograph that is named here. Choose another "
                "folder with `--output`."
            )
        if not wanted.overwrite and os.path.lexists(target):
            raise UserError(
                f"{photograph.path}: {target} exists. Choose another folder with `--output`, or say `--overwrite`."
            )
    pixels = decode_photograph(read_bytes(photograph.path), str(photograph.path))
    if wanted.overlay:
        _require_drawable(photograph, pixels)
    return pixels


def _require_drawable(photograph: Photograph, pixels: NDArray[np.uint8]) -> None:
    from exfuse.evaluation.overlay import MAX_SIDE

    if max(pixels.shape) > MAX_SIDE:
        raise UserError(
            f"{photograph.path}: an overlay, which is a JPEG, has at most {MAX_SIDE:,} pixels a side, and this has "
            f"{pixels.shape[1]:,}×{pixels.shape[0]:,}. Predict it without `--overlay`."
        )


def _load(weights: Path, device: str) -> "Predictor":
    from exfuse.evaluation.predictor import Predictor

    with within_memory(_too_large(weights)):
        return Predictor.in_own_process(weights, device)


def _labels(
    predictor: "Predictor", pixels: NDArray[np.uint8], flip: bool, display: Progress, place: tuple[int, int]
) -> NDArray[np.uint8]:
    """(H, W), as in label masks; of a large photograph it is shown how far it is."""
    import torch

    image = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy()).permute(2, 0, 1)
    bands: list[NDArray[np.uint8]] = []
    rows = 0
    try:
        for band in predictor.label_bands(image, flip):
            bands.append(band)
            rows += len(band)
            if rows < len(pixels):
                display.what = f"predict ({rows / len(pixels):.0%} of one)"
                display.show(*place)
    finally:
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
    before = file_id(photograph.mask)
    try:
        for target, content in files.items():
            write_bytes(target, content)
    except BaseException:  # Ctrl-C too: half a result would count as one the next time
        if file_id(photograph.mask) != before:
            photograph.mask.unlink(missing_ok=True)
        raise


def _shares(labels: NDArray[np.uint8], info: SegmenterInfo) -> str:
    """As "background 71%, cat 29%": the classes that were found, the largest first."""
    counts = np.bincount(labels.ravel(), minlength=256)
    found = [(counts[label], name) for name, label in zip(info.classes, info.labels, strict=True) if counts[label]]
    shares = ((name, count / labels.size) for count, name in sorted(found, key=lambda item: -item[0]))
    return ", ".join(f"{name} {share:.0%}" if share >= 0.005 else f"{name} <1%" for name, share in shares)


def _summary(done: int, total: int, failures: Sequence[str]) -> str:
    lines = "".join(f"\n  {_shown(failure)}" for failure in failures)
    return f"{done} of {total} done; {len(failures)} failed:{lines}"


def _say(line: str) -> None:
    """A line on standard output, at once, above a bar that is there.

    Raises:
        OSError: it cannot be written, or nobody reads it any more.
    """
    tqdm.write(_shown(line))
    sys.stdout.flush()


def _shown(text: str) -> str:
    """One line that can be printed: names of files may hold bytes that are no text, and anything but a zero byte."""
    return printable(os.fsencode(text).decode(errors="replace"))
