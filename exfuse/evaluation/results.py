"""What evaluations keep for each image, the numbers made of it, and its files; free of torch, for the report.

Keeping counts by image lets the report resample images (bootstrap) and look for hard ones without a model.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError
from exfuse.evaluation.confusion import iou, mean_iou, predicted_only
from exfuse.files import atomic_path

MODES = {False: "plain", True: "flip"}


@dataclass(frozen=True, slots=True, eq=False)
class SegmentationResult:
    """Confusion matrices of each image of a set, rows truth, columns prediction.

    Attributes:
        images: ids of the N images.
        boundary: int32 (N, C, C), counts near label changes.
        interior: int32 (N, C, C), counts elsewhere.
        flip: whether mirrored images took part.
    """

    images: tuple[str, ...]
    boundary: NDArray[np.int32]
    interior: NDArray[np.int32]
    flip: bool

    @property
    def confusion(self) -> NDArray[np.int32]:
        """(N, C, C), counts of all pixels that are not void."""
        return self.boundary + self.interior


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationResult:
    """The class of each of N images.

    Attributes:
        images: member names in the archive.
        labels: int16 (N,), true classes.
        predictions: int16 (N,), classes with the highest logit.
    """

    images: tuple[str, ...]
    labels: NDArray[np.int16]
    predictions: NDArray[np.int16]


def total(by_image: NDArray[np.int32]) -> NDArray[np.int64]:
    """Sum of (N, C, C) over the images, (C, C)."""
    return by_image.sum(axis=0, dtype=np.int64)


def summarize_segmentation(result: SegmentationResult, class_names: Sequence[str]) -> dict[str, Any]:
    """The numbers of ``val.json`` in 0–1, but for seed and key.

    ``iou`` is null for a class without ground truth; such classes that were predicted all the same are listed in
    ``predicted_only``. Boundary and interior average the classes that have ground truth *there*. A mean over no
    class is null.
    """
    confusion = total(result.confusion)
    if len(class_names) != len(confusion):
        raise ValueError(f"{len(class_names)} names for {len(confusion)} classes")
    return {
        "miou": _number(mean_iou(confusion)),
        "iou": {name: _number(value) for name, value in zip(class_names, iou(confusion), strict=True)},
        "boundary_miou": _number(mean_iou(total(result.boundary))),
        "interior_miou": _number(mean_iou(total(result.interior))),
        "images": len(result.images),
        "flip": result.flip,
        "predicted_only": [class_names[label] for label in predicted_only(confusion)],
    }


def summarize_classification(result: ClassificationResult) -> dict[str, Any]:
    """Top-1 error in 0–1 and the number of images."""
    return {"top1_error": float(np.mean(result.predictions != result.labels)), "images": len(result.images)}


def headline(plain: Mapping[str, Any], flipped: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of ``metrics.json``, in 0–1: a run's line in what `dvc metrics` shows.

    Args:
        plain: the content of ``val.json``.
        flipped: that of ``val-flip.json``.
    """
    kept = {name: plain[name] for name in ("miou", "boundary_miou", "interior_miou")}
    return {**kept, "miou_flip": flipped["miou"]}


def _number(value: np.float64 | NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)


def write_confusions(target: Path, results: Sequence[SegmentationResult]) -> None:
    """Writes evaluations of the same images: ``names``, and ``<plain|flip>_<boundary|interior>`` (N, C, C) of each.

    Raises:
        UserError: the folder cannot be written.
    """
    if not results or any(result.images != results[0].images for result in results):
        raise ValueError("the evaluations are not of the same images")
    arrays: dict[str, NDArray[Any]] = {"names": np.array(results[0].images)}
    for result in results:
        arrays[f"{MODES[result.flip]}_boundary"] = result.boundary
        arrays[f"{MODES[result.flip]}_interior"] = result.interior
    with atomic_path(target) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def read_confusions(source: Path) -> list[SegmentationResult]:
    """Reads what :func:`write_confusions` wrote, plain first.

    Raises:
        UserError: the file is absent or damaged.
    """
    arrays = _read_arrays(source)
    images = _names(source, arrays)
    return [
        SegmentationResult(
            images,
            _integers(source, arrays, f"{mode}_boundary", 3),
            _integers(source, arrays, f"{mode}_interior", 3),
            flip,
        )
        for flip, mode in MODES.items()
        if f"{mode}_boundary" in arrays
    ]


def write_predictions(target: Path, result: ClassificationResult) -> None:
    """Writes ``names``, ``label`` and ``prediction``, each (N,).

    Raises:
        UserError: the folder cannot be written.
    """
    with atomic_path(target) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            names=np.array(result.images),
            label=result.labels,
            prediction=result.predictions,
        )


def read_predictions(source: Path) -> ClassificationResult:
    """Reads what :func:`write_predictions` wrote.

    Raises:
        UserError: the file is absent or damaged.
    """
    arrays = _read_arrays(source)
    images = _names(source, arrays)
    return ClassificationResult(
        images, _integers(source, arrays, "label", 1), _integers(source, arrays, "prediction", 1)
    )


def _read_arrays(source: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name. Members are read whole before NumPy sees them: only then is their CRC compared.

    Raises:
        UserError: the file is absent or damaged.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
        return {
            name: np.lib.format.read_array(io.BytesIO(content), allow_pickle=False) for name, content in members.items()
        }
    except Exception as error:  # NumPy parses headers as Python, Zip knows a dozen methods: damage may be any of theirs
        raise UserError(
            f"cannot read {source} ({str(error) or type(error).__name__}). Delete it and run again."
        ) from error


def _names(source: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """Ids of the images.

    Raises:
        UserError: there are none, or something else under their name.
    """
    return tuple(_array(source, arrays, "names", "U", 1).tolist())


def _integers(source: Path, arrays: Mapping[str, NDArray[Any]], name: str, dimensions: int) -> NDArray[Any]:
    return _array(source, arrays, name, "iu", dimensions)


def _array(source: Path, arrays: Mapping[str, NDArray[Any]], name: str, kinds: str, dimensions: int) -> NDArray[Any]:
    """An array of one of NumPy's kinds of values.

    Raises:
        UserError: there is none of this name, or it is another.
    """
    if name not in arrays:
        raise UserError(f"{source} holds no '{name}'. Delete it and run again.")
    found = arrays[name]
    if found.dtype.kind not in kinds or found.ndim != dimensions:
        raise UserError(f"'{name}' in {source} is {found.dtype} of shape {found.shape}. Delete it and run again.")
    return found
