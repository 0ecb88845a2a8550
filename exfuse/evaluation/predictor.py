"""A trained network for images as people have them: bytes in, scores or labels out, and nothing else to know."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exfuse.evaluation.inference import (
    InferenceSettings,
    evaluation_mode,
    images_at_once,
    label_bands,
    predict_batch,
)
from exfuse.models.placement import choose_device, place
from exfuse.models.segmenter import Segmenter
from exfuse.models.weights import load_model
from exfuse.spec.weights import SegmenterInfo

WORTH_THREADS = 1 << 20
"""Values in a decoder's last map; below it threads wait for each other longer than they work."""


class Predictor(nn.Module):
    """A segmentation network with its preprocessing.

    Images may have any size. They are normalised and padded to the training size here; larger ones go through in
    overlapping tiles. Nothing is differentiable: ``network`` is the bare network, for those who train.

    It computes in float32, as evaluation does, and refuses to after ``half()`` and the like, which nothing here has
    been measured with.

    Attributes:
        network: takes normalised float images (N, 3, H, W) and gives an object with ``scores`` (N, C, H, W).
        info: what the file of weights says of itself: ``classes`` in the order of the scores' channels, their values
            in label masks (``labels``), ``size``, ``normalization``, ``scores``, ``origin``.
    """

    def __init__(self, network: Segmenter, info: SegmenterInfo) -> None:
        super().__init__()
        self.network = place(network)
        self.info = info

    @classmethod
    def open(cls, path: str | Path, device: torch.device | str = "cpu") -> "Predictor":
        """The network of a file of weights.

        Args:
            path: the file.
            device: ``cpu``, ``cuda``, ``cuda:1`` …; ``auto``: a GPU where there is one.

        Raises:
            UserError: the file is unreadable, or holds no segmentation network, or there is no such device.
        """
        return cls(*load_model(Path(path), choose_device(device))).eval()

    @classmethod
    def in_own_process(cls, path: Path, device: str) -> "Predictor":
        """As :meth:`open`, where the process is ours: small networks get one thread.

        Raises:
            UserError: as there.
        """
        predictor = cls.open(path, device)
        if predictor.info.model.width * predictor.info.size**2 < WORTH_THREADS:
            torch.set_num_threads(1)
        return predictor

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def settings(self) -> InferenceSettings:
        """How images are given to the network."""
        return InferenceSettings(
            size=self.info.size,
            mean=self.info.normalization.mean,
            std=self.info.normalization.std,
            batch_size=images_at_once(self.info.model.width, self.info.size),
            device=self.device,
        )

    def forward(self, images: Tensor, flip: bool = False) -> Tensor:
        """Class scores before the softmax.

        Args:
            images: RGB uint8 (N, 3, H, W), of any size.
            flip: whether scores are averaged with those of the mirrored images.

        Returns:
            float32 (N, C, H, W) on the network's device: 4·C bytes a pixel, for which :meth:`labels` has no need.

        Raises:
            ValueError: another shape or type, or a network that is not float32.
        """
        _check(images)
        self._require_float32()
        with torch.no_grad():
            return torch.stack(predict_batch(self.network, list(images), self.settings, flip))

    def labels(self, images: Tensor, flip: bool = False) -> Tensor:
        """The class of every pixel.

        Args:
            images: as in :meth:`forward`.
            flip: likewise.

        Returns:
            uint8 (N, H, W) in the values that label masks have (``info.labels``), on the CPU.

        Raises:
            ValueError: as there.
            UserError: the weights are of no use: a score is infinite or no number.
        """
        _check(images)
        found = [np.concatenate(list(self.label_bands(image, flip))) for image in images]
        return torch.from_numpy(np.stack(found))

    def label_bands(self, image: Tensor, flip: bool = False) -> Iterator[NDArray[np.uint8]]:
        """As :meth:`labels`, of one image (3, H, W), uint8 (rows, W) at a time from top to bottom."""
        self._require_float32()
        values = np.array(self.info.labels, dtype=np.uint8)
        bands = label_bands(self.network, image, self.settings, (flip,))
        while True:
            with evaluation_mode(self.network):  # for each step alone: a generator would leave it on for its reader
                band = next(bands, None)
            if band is None:
                return
            yield values[band[flip]]

    def _require_float32(self) -> None:
        others = {parameter.dtype for parameter in self.network.parameters()} - {torch.float32}
        if others:
            raise ValueError(f"the network's weights are {others.pop()}, and it computes in float32: load it again.")


def _check(images: object) -> None:
    if not isinstance(images, Tensor):
        raise ValueError(
            f"expected RGB images, uint8 (N, 3, H, W) in one torch.Tensor, not {type(images).__name__}. Of one picture "
            "of PIL that is torch.from_numpy(np.array(picture.convert('RGB'))).permute(2, 0, 1)[None]"
        )
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"expected RGB images, uint8 (N, 3, H, W), not {images.dtype} {tuple(images.shape)}")
