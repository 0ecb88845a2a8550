"""`exfuse evaluate`: trained weights on anybody's images with label masks."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import require_writable, write_json
from exfuse.spec.weights import SegmenterInfo, read_segmenter_info

BOUNDARY = 7 / 512
"""GCN's 7 pixels around a boundary, as a share of the training size of the paper."""


def run(
    weights: Path,
    data: Path,
    *,
    split: str | None = None,
    flip: bool = False,
    boundary_width: float | None = None,
    json_file: Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
) -> None:
    """Prints mIoU, IoU by class, and mIoU near boundaries and elsewhere.

    Args:
        weights: of a segmentation network.
        data: a folder or table; see :func:`exfuse.data.pairs.find_pairs`.
        split: a list of VOC's; none: ``val``.
        flip: whether scores are averaged with the mirrored images'.
        boundary_width: pixels to a boundary that count as one; none: as the preset that trained has it, or where the
            file does not say, 7 at a training size of 512, in proportion.
        json_file: where the numbers are written too.
        overwrite: whether it is replaced where it exists.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: weights, an image, a mask or the width cannot be used, or the file cannot be written.
    """
    info = read_segmenter_info(weights)
    if json_file is not None:
        if not overwrite and os.path.lexists(json_file):
            raise UserError(f"{json_file} exists. Choose another name, or say `--overwrite`.")
        require_writable(json_file.parent)
    width = _boundary_width(info) if boundary_width is None else boundary_width
    if not 0 < width < math.inf:
        raise UserError(f"--boundary-width {width:g}: no width. Give pixels, more than 0.")
    summary = _score(weights, info, data, split, flip, width, device)
    print("\n".join(_lines(summary, info)))
    if json_file is not None:
        write_json(json_file, summary)


def _boundary_width(info: SegmenterInfo) -> float:
    noted = info.scores and info.scores.boundary_width
    return noted or BOUNDARY * info.size


def _score(
    weights: Path, info: SegmenterInfo, data: Path, split: str | None, flip: bool, width: float, device: str
) -> dict[str, Any]:
    """The numbers of ``val.json``, and what they are of."""
    from exfuse.data.pairs import PairSet, find_pairs, label_table
    from exfuse.data.progress import Progress
    from exfuse.evaluation.predictor import Predictor
    from exfuse.evaluation.results import summarize_segmentation
    from exfuse.evaluation.segmentation import evaluate_segmentation

    pairs = find_pairs(data, split)
    predictor = Predictor.in_own_process(weights, device)
    with Progress("evaluate", "images") as display:
        (result,) = evaluate_segmentation(
            predictor.network,
            PairSet(pairs, label_table(info.labels, info.merged)),
            len(info.classes),
            predictor.settings,
            boundary_width=width,
            flips=(flip,),
            progress=lambda done: display.show(done, len(pairs)),
        )
    about = {"title": info.title, "weights": str(weights), "key": info.origin.key, "data": str(data), "set": split}
    return {**summarize_segmentation(result, info.classes), "boundary_width": width, **about}


def _lines(summary: dict[str, Any], info: SegmenterInfo) -> Iterator[str]:
    flipped = ", averaged with the mirrored images" if summary["flip"] else ""
    yield f"{info.title} on {summary['images']} images of {summary['data']}{flipped}"
    rows = {"mIoU": summary["miou"], **{f"  {name}": value for name, value in summary["iou"].items()}}
    rows["mIoU at boundaries"], rows["mIoU elsewhere"] = summary["boundary_miou"], summary["interior_miou"]
    longest = max(map(len, rows))
    for name, value in rows.items():
        yield f"{name:{longest}}  {'      –' if value is None else f'{value:7.2%}'}"
    yield f"boundaries: up to {summary['boundary_width']:g} pixels from a change of label"
    if info.merged:
        yield f"labels that count as {info.classes[0]}, as in training: {', '.join(map(str, info.merged))}"
    if summary["predicted_only"]:
        yield f"predicted without being in any mask, therefore not in the mean: {', '.join(summary['predicted_only'])}"
