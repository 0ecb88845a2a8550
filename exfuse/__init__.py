"""ExFuse (Zhang et al., ECCV 2018): an open reproduction, from the publishers' archives to the paper's tables."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from exfuse.evaluation.predictor import Predictor

__version__ = "0.1.0"


def load(path: str | Path, device: "torch.device | str" = "cpu") -> "Predictor":
    """A trained segmentation network with its preprocessing, in evaluation mode.

    ``load(path)(images)`` takes RGB uint8 (N, 3, H, W) of any size and gives class scores float32 (N, C, H, W);
    ``load(path).labels(images)`` gives uint8 (N, H, W). See :class:`exfuse.evaluation.predictor.Predictor`.

    Args:
        path: a ``weights.safetensors`` of a run.
        device: where it computes: ``cpu``, ``cuda``, ``cuda:1`` …; ``auto`` is a GPU where there is one.

    Raises:
        UserError: the file is unreadable, or holds no segmentation network, or there is no such device.
    """
    from exfuse.evaluation.predictor import Predictor

    return Predictor.open(path, device)
