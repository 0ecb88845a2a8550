"""Files of small networks, and what they score by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from exfuse.models.weights import load_model
from tests.export.networks import MODELS, info_of, write_network

Scores = Callable[[Path, NDArray[np.uint8]], NDArray[np.float32]]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of weights: ``gcn``, and ``exfuse`` with every switch."""
    folder = tmp_path_factory.mktemp("weights")
    return {name: write_network(folder / f"{name}.safetensors", info_of(name)) for name in MODELS}


@pytest.fixture(scope="session")
def scores_by_hand() -> Scores:
    """Pads, normalises, scores and crops uint8 images (N, 3, H, W), in NumPy around the network itself."""

    def score(weights: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        model, info = load_model(weights)
        mean, std = (np.array(each).reshape(1, 3, 1, 1) for each in (info.normalization.mean, info.normalization.std))
        count, _, height, width = images.shape
        sides = [info.size if side <= info.size else 32 * -(-side // 32) for side in (height, width)]
        padded = np.broadcast_to(np.round(255 * mean), (count, 3, *sides)).copy()
        padded[:, :, :height, :width] = images
        with torch.no_grad():
            output = model(torch.from_numpy((padded / 255 - mean) / std).float()).scores
        return output[:, :, :height, :width].numpy()

    return score
