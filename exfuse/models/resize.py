"""The one place that resizes maps, and the one convention: pixel centres aligned (``align_corners=False``)."""

import torch
from torch.nn import functional as F


def resize(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bilinear interpolation of (N, C, h, w) to (N, C, *size)."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
