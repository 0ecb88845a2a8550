"""The encoder: a bottleneck ResNet, whose stages res-2 … res-5 of Figure 2 are the four levels.

One class covers ResNet 50/101, ResNeXt 101 (32×4d), its rearrangement {8, 8, 9, 8} (§3.1) and ResNeXt 131 with
squeeze-and-excitation (§4). The state dict has timm's very keys, so public ImageNet weights load strictly. Built here
and not by timm because stems narrower than 64 channels are needed, and because timm takes seconds to import.
"""

import torch
from torch import nn

from exfuse.models.bottleneck import EXPANSION, Bottleneck
from exfuse.spec.model import BackboneSpec


class Backbone(nn.Module):
    """A bottleneck ResNet.

    Called, it gives class logits (N, num_classes); with ``num_classes=0`` it has no ``fc`` and gives the pooled
    features. Initialised as timm does: He normal, the last batch norm of each residual branch at zero.

    State-dict keys: ``conv1``, ``bn1``, ``layer<level>.<block>.*``, ``fc``.

    Attributes:
        out_channels: channels of the four levels.
    """

    def __init__(self, spec: BackboneSpec, num_classes: int = 0) -> None:
        super().__init__()
        self.out_channels = spec.out_channels
        self.conv1 = nn.Conv2d(3, spec.stem_width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(spec.stem_width)
        self.act1 = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(spec, 1, spec.stem_width)
        self.layer2 = _stage(spec, 2, self.out_channels[0])
        self.layer3 = _stage(spec, 3, self.out_channels[1])
        self.layer4 = _stage(spec, 4, self.out_channels[2])
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(self.out_channels[3], num_classes) if num_classes else nn.Identity()
        _initialise(self)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The tails of res-2 … res-5.

        Args:
            images: (N, 3, H, W), normalised.

        Returns:
            Four maps (N, out_channels[l], H/s, W/s) at strides s = 4, 8, 16, 32 (sizes rounded up).
        """
        stem = self.maxpool(self.act1(self.bn1(self.conv1(images))))
        first = self.layer1(stem)
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)

    def classify(self, top: torch.Tensor) -> torch.Tensor:
        """Class logits (N, num_classes) from the top-most map (N, C, h, w)."""
        return self.fc(self.global_pool(top))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classify(self.features(images)[-1])


def _stage(spec: BackboneSpec, level: int, in_channels: int) -> nn.Sequential:
    """The blocks of a stage; all stages but the first halve the map in their first block."""
    planes = spec.channels[level - 1]
    stage = nn.Sequential()
    for number in range(spec.blocks[level - 1]):
        stage.append(
            Bottleneck(
                in_channels=EXPANSION * planes if number else in_channels,
                planes=planes,
                stride=2 if level > 1 and number == 0 else 1,
                cardinality=spec.cardinality,
                base_width=spec.base_width,
                squeeze_excitation=spec.squeeze_excitation,
            )
        )
    return stage


def _initialise(backbone: Backbone) -> None:
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)
