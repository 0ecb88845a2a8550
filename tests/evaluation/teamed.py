"""Evaluations in processes of their own, which share the images out."""

import io
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from exfuse.data.labels import ClassMap
from exfuse.data.loading import ImageNetSet, WholeImageSet
from exfuse.data.transforms import CentreCrop
from exfuse.errors import UserError
from exfuse.evaluation.classification import evaluate_classification
from exfuse.evaluation.inference import InferenceSettings
from exfuse.evaluation.results import SegmentationResult
from exfuse.evaluation.segmentation import evaluate_segmentation, predict_segmentation
from exfuse.training.team import team

KEPT = ("bicycle", "person")
CPU = torch.device("cpu")
SETTINGS = InferenceSettings(size=32, mean=(0.4, 0.4, 0.4), std=(0.3, 0.3, 0.3), batch_size=2)


class Network(nn.Module):
    """Random convolutions, whose last bits depend on who shares a batch; ``scores`` and ``logits``."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))

    def forward(self, images: Tensor) -> SimpleNamespace:
        scores = self.layers(images)
        return SimpleNamespace(scores=scores, logits=scores.mean((2, 3)))


def segmentation(rank: int, table: Path, target: Path, workers: int) -> None:
    """Leaves in ``target`` what evaluation and prediction gave to process ``rank``, or the message that ended it."""
    torch.set_num_threads(1)
    settings = InferenceSettings(
        size=SETTINGS.size, mean=SETTINGS.mean, std=SETTINGS.std, batch_size=SETTINGS.batch_size, workers=workers
    )
    class_map = ClassMap(KEPT)
    kept: list[tuple[str, bytes]] = []
    done: list[int] = []
    with team(CPU) as crew:
        try:
            results = evaluate_segmentation(
                Network(),
                WholeImageSet(table, table.parent, class_map),
                class_map.num_classes,
                settings,
                boundary_width=2,
                keep=lambda name, labels: kept.append((name, labels.tobytes())),
                progress=done.append,
                crew=crew,
            )
            predictions = list(
                predict_segmentation(Network(), table, table.parent, class_map, settings, flip=True, crew=crew)
            )
        except UserError as error:
            (target / f"message{rank}").write_text(str(error))
            raise SystemExit(1) from None
    (target / f"found{rank}").write_bytes(
        _bytes(results) + repr((kept, done, [(name, labels.tobytes()) for name, labels in predictions])).encode()
    )


def _bytes(results: Sequence[SegmentationResult]) -> bytes:
    stream = io.BytesIO()
    for result in results:
        np.save(stream, np.array(result.images))
        np.save(stream, result.boundary)
        np.save(stream, result.interior)
    return stream.getvalue()


def classification(rank: int, folder: Path, target: Path) -> None:
    """As :func:`segmentation`, for the images of ``val.npz``."""
    torch.set_num_threads(1)
    with team(CPU) as crew:
        dataset = ImageNetSet(folder / "val.npz", folder, CentreCrop(18, 16))
        result = evaluate_classification(Network(), dataset, SETTINGS, crew=crew)
    (target / f"found{rank}").write_text(repr((result.images, result.labels.tolist(), result.predictions.tolist())))
