"""Semantic Supervision, §3.1 and Figure 3: auxiliary classifiers at the tails of the early stages.

For fine-tuning the pooling and the classifiers go; the features of a level are its stage's tail or, better by the
paper's Table 3, what the second convolution of its head gives (the *tap*). Levels, widths and loss weights are
assumptions of the spec. Convolutions start as the backbone's do (He normal).
"""

from typing import NamedTuple

import torch
from torch import nn

from exfuse.models.backbone import Backbone
from exfuse.spec.model import BackboneSpec, SemanticSupervisionSpec


def head_width(spec: SemanticSupervisionSpec, channels: int) -> int:
    """Channels of both convolutions of a head on a stage with ``channels``; at least one."""
    return max(1, round(spec.width_ratio * channels))


class SemanticSupervisionHead(nn.Module):
    """Two 3×3 conv-BN-ReLU, global average pooling, a linear classifier.

    Called, it gives logits (N, num_classes). With ``num_classes=0`` only the two convolutions are built.
    """

    def __init__(self, in_channels: int, width: int, num_classes: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(width, num_classes) if num_classes else nn.Identity()
        for convolution in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")

    def tap(self, features: torch.Tensor) -> torch.Tensor:
        """What the second convolution gives, after its ReLU: (N, in_channels, h, w) to (N, width, h, w)."""
        hidden = self.relu(self.bn1(self.conv1(features)))
        return self.relu(self.bn2(self.conv2(hidden)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc(self.tap(features).mean(dim=(2, 3)))


class ClassifierOutput(NamedTuple):
    """Logits of the pretraining.

    Attributes:
        logits: (N, num_classes) of the network's own classifier, on res-5.
        auxiliary: (N, num_classes) by level, in ascending order; empty without semantic supervision.
    """

    logits: torch.Tensor
    auxiliary: dict[int, torch.Tensor]


class Classifier(nn.Module):
    """A backbone with its classifier and its semantic supervision, for the pretraining on ImageNet.

    State-dict keys: ``backbone.*`` (timm's) and ``semantic_supervision.<level>.*``. The auxiliary logits are
    computed in evaluation mode too.
    """

    def __init__(self, spec: BackboneSpec, num_classes: int) -> None:
        super().__init__()
        self.backbone = Backbone(spec, num_classes)
        self.semantic_supervision = nn.ModuleDict()
        if spec.semantic_supervision is not None:
            for level in spec.semantic_supervision.levels:
                channels = spec.out_channels[level - 1]
                width = head_width(spec.semantic_supervision, channels)
                self.semantic_supervision[str(level)] = SemanticSupervisionHead(channels, width, num_classes)

    def forward(self, images: torch.Tensor) -> ClassifierOutput:
        """Classifies normalised images (N, 3, H, W)."""
        features = self.backbone.features(images)
        auxiliary = {int(level): head(features[int(level) - 1]) for level, head in self.semantic_supervision.items()}
        return ClassifierOutput(self.backbone.classify(features[-1]), auxiliary)


def build_classifier(spec: BackboneSpec, num_classes: int) -> Classifier:
    """The network that pretrains a backbone."""
    return Classifier(spec, num_classes)
