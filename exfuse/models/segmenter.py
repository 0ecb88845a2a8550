"""The whole network of Figure 2: encoder, taps (§3.1) and decoder, for images of any size."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from exfuse.errors import UserError
from exfuse.models.backbone import Backbone
from exfuse.models.decoder import TOP_LEVEL, Decoder
from exfuse.models.matching import differences
from exfuse.models.resize import resize
from exfuse.models.semantic_supervision import SemanticSupervisionHead, head_width
from exfuse.spec.model import STRIDE, ModelSpec, Tap


class SegmenterOutput(NamedTuple):
    """Class scores (before the softmax) at the input's size.

    Attributes:
        scores: (N, num_classes, H, W).
        auxiliary: (N, num_classes, H, W), the first up-sampled map enlarged bilinearly, for the auxiliary loss; only in
            training mode and where the spec has that loss, else ``None``.
    """

    scores: torch.Tensor
    auxiliary: torch.Tensor | None


class Segmenter(nn.Module):
    """Backbone, semantic-supervision taps and decoder.

    State-dict keys: ``backbone.*`` (timm's, no ``fc``), ``semantic_supervision.<level>.*`` (the two convolutions, only
    at tapped levels), ``decoder.*``. Nothing is built that a forward pass does not use.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = Backbone(spec.backbone)
        self.semantic_supervision = nn.ModuleDict()
        channels: dict[int, int] = {level: spec.backbone.out_channels[level - 1] for level in spec.decoder.levels}
        supervision = spec.backbone.semantic_supervision
        if spec.decoder.tap is Tap.SS_CONVOLUTION and supervision is not None:
            for level in spec.decoder.levels:
                if level in supervision.levels and level != TOP_LEVEL:
                    width = head_width(supervision, channels[level])
                    self.semantic_supervision[str(level)] = SemanticSupervisionHead(channels[level], width)
                    channels[level] = width
        self.decoder = Decoder(spec, channels)

    def features(self, images: torch.Tensor) -> dict[int, torch.Tensor]:
        """The x_l that the decoder reads, by kept level, from images whose sides are multiples of 32."""
        tails = self.backbone.features(images)
        features: dict[int, torch.Tensor] = {level: tails[level - 1] for level in self.spec.decoder.levels}
        for key, head in self.semantic_supervision.items():
            assert isinstance(head, SemanticSupervisionHead)
            features[int(key)] = head.tap(features[int(key)])
        return features

    def forward(self, images: torch.Tensor) -> SegmenterOutput:
        """Scores every pixel.

        The input is padded at the bottom and right to the next multiple of 32 with zeros, the mean of normalised
        images, and the output is cropped. In evaluation mode one pixel is enough; in training mode batch norm needs
        more than one value in the top-most map (torch's own error says so).

        Args:
            images: (N, 3, H, W), normalised.

        Raises:
            ValueError: another shape.
        """
        if images.dim() != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images (N, 3, H, W), not {tuple(images.shape)}")
        height, width = images.shape[2:]
        padded = F.pad(images, (0, -width % STRIDE, 0, -height % STRIDE))
        scores, auxiliary = self.decoder(self.features(padded))
        if auxiliary is not None:
            size = (padded.shape[2], padded.shape[3])
            auxiliary = resize(auxiliary, size)[:, :, :height, :width] if self.training else None
        return SegmenterOutput(scores[:, :, :height, :width], auxiliary)


def build(spec: ModelSpec) -> Segmenter:
    """The segmentation network of a spec, with fresh weights."""
    return Segmenter(spec)


def load_pretrained(segmenter: Segmenter, classifier_state: Mapping[str, torch.Tensor]) -> None:
    """Copies a pretrained classifier's weights into the encoder, batch-norm statistics included.

    Everything that the encoder and the tapped convolutions need must be there with equal shapes. Only classifiers and
    the semantic-supervision heads that the segmenter does not tap may be left over.

    Args:
        segmenter: changed in place, or untouched when the weights do not fit.
        classifier_state: state dict of ``Classifier``.

    Raises:
        UserError: a tensor is missing, superfluous or of another shape.
    """
    own = {name: tensor for name, tensor in segmenter.state_dict().items() if not name.startswith("decoder.")}
    found = differences(own, classifier_state, partial(_may_remain, segmenter=segmenter))
    if found:
        raise UserError(
            f"the pretrained weights do not fit the segmenter's backbone ({found}). "
            "Give the weights of the backbone that the run declares."
        )
    fitting = {name: tensor for name, tensor in classifier_state.items() if name in own}
    segmenter.load_state_dict(fitting, strict=False)


def _may_remain(name: str, segmenter: Segmenter) -> bool:
    """Whether a classifier's tensor is one that fine-tuning drops."""
    if name.startswith("backbone.fc."):
        return True
    part, _, rest = name.partition(".")
    level, _, tensor = rest.partition(".")
    tapped = level in segmenter.semantic_supervision
    return part == "semantic_supervision" and (not tapped or tensor.startswith("fc."))
