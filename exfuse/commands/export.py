"""`exfuse export`: a trained network as a file for other programs, checked before it gets its name."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from exfuse.errors import UserError
from exfuse.files import atomic_path, require_writable, writing
from exfuse.spec.model import STRIDE
from exfuse.spec.weights import SegmenterInfo, read_segmenter_info

if TYPE_CHECKING:
    from torch import Tensor

    from exfuse.export.check import Differences
    from exfuse.export.formats import Format
    from exfuse.export.network import Size
    from exfuse.models.segmenter import Segmenter

SUFFIX = {"onnx": ".onnx", "torch-export": ".pt2"}


def run(
    weights: Path,
    format: Literal["onnx", "torch-export"],
    output: Path | None,
    size: str | None,
    overwrite: bool,
) -> None:
    """Writes a network in a format of other programs.

    Args:
        weights: what a training wrote.
        format: of the file.
        output: the file; none: beside the weights.
        size: height×width of the images that it takes; none: any that prediction does not cut into tiles.
        overwrite: whether a file there is replaced.

    Raises:
        UserError: the weights cannot be used, the file cannot be written, or it does not do what the network does.
    """
    info = read_segmenter_info(weights)
    wanted = None if size is None else parse_size(size, info.size)
    target = weights.with_suffix(SUFFIX[format]) if output is None else output
    if target.suffix != SUFFIX[format]:
        raise UserError(
            f"--output {target}: files of the format {format} end in {SUFFIX[format]}, and some readers insist on it. "
            "Name it so, or choose another `--format`."
        )
    _require_free(target, weights, overwrite)
    require_writable(target.parent)

    from exfuse.export.formats import FORMATS
    from exfuse.models.weights import load_model

    model, _ = load_model(weights)
    differences = write(model, info, FORMATS[format], target, wanted)
    largest = largest_side(info.size)
    images = f"up to {largest}×{largest}" if wanted is None else f"of {wanted[0]}×{wanted[1]}"
    megabytes = target.stat().st_size / 1e6
    print(f"{target}: {megabytes:.1f} MB, {FORMATS[format].version}, images {images}; {differences}")


def write(
    model: "Segmenter", info: SegmenterInfo, format: "Format", target: Path, size: "Size | None"
) -> "Differences":
    """Exports a network and runs the file beside it.

    Args:
        model: in evaluation mode, on the CPU.
        info: what it is; goes into the file as JSON.
        format: of the file.
        target: the file; replaced if it exists.
        size: of the images that it takes; none: any that prediction does not cut into tiles.

    Raises:
        UserError: the file cannot be written, or does not do what the network does; there is none then.
    """
    from exfuse.export.check import PIXEL_TOLERANCE, TOLERANCE, check_batches, compare
    from exfuse.export.network import ExportedNetwork, trace

    print("exporting…", flush=True)
    largest = largest_side(info.size)
    program = trace(ExportedNetwork(model, info.size, info.normalization), size, largest)
    with atomic_path(target) as temporary:
        format.write(program, temporary, info.model_dump_json())
        del program
        print("checking…", flush=True)
        differences = compare(
            format.load(temporary),
            lambda images: predicted(model, info, images),
            check_batches(size, info.size, largest),
        )
        if not differences.tolerable:
            raise UserError(
                f"the exported network is not the same: {differences}; tolerated are {TOLERANCE:.0e} and "
                f"{PIXEL_TOLERANCE:.1%} of the pixels. {target} is not written. Try the other `--format`."
            )
    return differences


def predicted(model: "Segmenter", info: SegmenterInfo, images: "Tensor") -> "Tensor":
    """Scores as prediction and evaluation compute them: uint8 (N, 3, H, W) to float32 (N, C, H, W)."""
    import torch

    from exfuse.evaluation.inference import InferenceSettings, predict_batch

    settings = InferenceSettings(size=info.size, mean=info.normalization.mean, std=info.normalization.std)
    return torch.stack(predict_batch(model, list(images), settings))


def largest_side(training_size: int) -> int:
    """The side in pixels, a multiple of 32, of the largest square that prediction gives to a network whole."""
    from exfuse.evaluation.inference import goes_whole

    side = training_size
    while goes_whole(side + STRIDE, side + STRIDE, training_size):
        side += STRIDE
    return side


def parse_size(text: str, training_size: int) -> "Size":
    """Height and width of ``HxW``.

    Raises:
        UserError: it is no such text, or larger than prediction gives to a network whole.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text.strip())
    if match is None:
        raise UserError(f"--size {text}: not a height and a width in pixels. Write them as in `--size 480x640`.")
    height, width = int(match[1]), int(match[2])
    largest = largest_side(training_size)
    if max(height, width) > largest:
        raise UserError(
            f"--size {text}: a network trained at {training_size}×{training_size} takes up to {largest}×{largest} at "
            "once; `exfuse predict` cuts larger images into tiles. Give a smaller size, and cut likewise."
        )
    return height, width


def _require_free(target: Path, weights: Path, overwrite: bool) -> None:
    if os.path.isdir(target):
        raise UserError(f"{target} is a folder. Name the file to write.")
    with writing(target), suppress(FileNotFoundError):
        os.lstat(target)  # what cannot be asked for cannot be written either
    if not os.path.lexists(target):
        return
    if os.path.exists(target) and os.path.samefile(target, weights):
        raise UserError(f"{target} is the file of the weights itself. Name another one.")
    if not overwrite:
        raise UserError(f"{target} exists. Use --overwrite to replace it, or --output for another place.")
