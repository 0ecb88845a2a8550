"""What a network is made of, resolved to plain numbers: the arguments of ``exfuse.models``."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from exfuse.spec.base import Frozen

STRIDE = 32
"""Image pixels to one of the top-most map, along a side."""

Level = Literal[1, 2, 3, 4]
"""A feature level of the encoder: 1–4 are the paper's res-2 … res-5, at strides 4, 8, 16, 32."""

# Far above any network of the field; a stranger's file that says more would be built for minutes, or not at all.
LARGEST_DEPTH = 128
"""Residual blocks of a stage."""
LARGEST_WIDTH = 8192
"""Channels of the stem, or planes of a stage."""
LARGEST_CARDINALITY = 1024
"""Groups, or channels of a group where a stage has 64 planes."""
LARGEST_KERNEL = 511
"""Pixels."""
LARGEST_DECODER = 16384
"""Channels of the decoder's maps."""

Depth = Annotated[int, Field(gt=0, le=LARGEST_DEPTH)]
Blocks = tuple[Depth, Depth, Depth, Depth]
"""Residual blocks in res-2 … res-5."""

Width = Annotated[int, Field(gt=0, le=LARGEST_WIDTH)]
Planes = tuple[Width, Width, Width, Width]
"""Planes of res-2 … res-5; a stage's output has four times as many channels."""

Cardinality = Annotated[int, Field(gt=0, le=LARGEST_CARDINALITY)]


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"a kernel's size must be odd, not {size}")
    return size


KernelSize = Annotated[int, Field(gt=0, le=LARGEST_KERNEL), AfterValidator(_odd)]
"""Side of a kernel that has a centre."""


def _ascending(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    if tuple(sorted(set(levels))) != levels:
        raise ValueError(f"must be ascending and without repeats, not {list(levels)}")
    return levels


SupervisedLevels = Annotated[tuple[Level, ...], Field(min_length=1, max_length=4), AfterValidator(_ascending)]
"""Levels that have a head of semantic supervision."""

WidthRatio = Annotated[float, Field(gt=0, le=16)]
"""Channels of both 3×3 convolutions of such a head as a share of their stage's channels."""


class Upsampling(StrEnum):
    """How the top-most map grows from stride 32 to stride 16 (Table 4)."""

    DECONVOLUTION = "deconvolution"
    DECONVOLUTION_SUPERVISED = "deconvolution-supervised"
    SUBPIXEL = "sub-pixel"
    ECRE = "ecre"


SUPERVISED = (Upsampling.ECRE, Upsampling.DECONVOLUTION_SUPERVISED)
"""Ways with an auxiliary loss on the up-sampled map."""


class Prediction(StrEnum):
    """How class scores are read from the decoder's last map (Table 5)."""

    PLAIN = "plain"
    WIDE = "wide"
    DAP = "dap"


class Tap(StrEnum):
    """Where the features of levels 1–3 are taken (§3.1): the stage's tail or SS's second convolution."""

    TAIL = "tail"
    SS_CONVOLUTION = "ss-convolution"


class SemanticSupervisionSpec(Frozen):
    """Auxiliary classifiers of the pretraining (§3.1, Figure 3)."""

    levels: SupervisedLevels = (1, 2, 3)
    width_ratio: WidthRatio = 1.0
    loss_weight: float = Field(0.3, gt=0)
    """Weight of each head's loss beside 1 for the network's own classifier."""


class BackboneSpec(Frozen):
    """An encoder: a bottleneck ResNet by its numbers."""

    blocks: Blocks
    channels: Planes = (64, 128, 256, 512)
    stem_width: Width = 64
    cardinality: Cardinality = 1
    base_width: Cardinality = 64
    squeeze_excitation: bool = False
    semantic_supervision: SemanticSupervisionSpec | None = None

    @model_validator(mode="after")
    def _no_stage_is_empty(self) -> "BackboneSpec":
        for planes in self.channels:
            if planes * self.base_width < 64:
                raise ValueError(f"a stage of {planes} planes has no channel at base width {self.base_width}")
        return self

    @property
    def out_channels(self) -> tuple[int, int, int, int]:
        """Channels of the four levels."""
        first, second, third, fourth = (4 * planes for planes in self.channels)
        return first, second, third, fourth


class DecoderSpec(Frozen):
    """GCN's decoder and the switches that ExFuse adds to it."""

    levels: tuple[Level, ...] = (1, 2, 3, 4)
    """Levels whose features are fused (Tables 1 and 6); always holds 4."""
    gcn_kernel: KernelSize = 15
    tap: Tap = Tap.TAIL
    upsampling: Upsampling = Upsampling.DECONVOLUTION
    semantic_embedding: bool = False
    prediction: Prediction = Prediction.PLAIN
    dap_kernel: KernelSize = 3
    auxiliary_weight: float = Field(0.4, gt=0)
    """Weight of the loss on the first up-sampled map (`ecre`, `deconvolution-supervised`)."""

    @model_validator(mode="after")
    def _consistent(self) -> "DecoderSpec":
        if 4 not in self.levels or tuple(sorted(set(self.levels))) != self.levels:
            raise ValueError("levels must be ascending, without repeats, and hold 4")
        return self

    @property
    def supervised(self) -> bool:
        """Whether an auxiliary loss sits on the first up-sampled map."""
        return self.upsampling in SUPERVISED


class ModelSpec(Frozen):
    """A segmentation network."""

    backbone: BackboneSpec
    decoder: DecoderSpec
    num_classes: int = Field(21, gt=1)
    """Classes with background."""

    @model_validator(mode="after")
    def _tap_exists(self) -> "ModelSpec":
        if self.decoder.tap is Tap.SS_CONVOLUTION and self.backbone.semantic_supervision is None:
            raise ValueError("tap `ss-convolution` needs a backbone with semantic supervision")
        return self

    @model_validator(mode="after")
    def _decoder_can_be_built(self) -> "ModelSpec":
        if self.width > LARGEST_DECODER:
            raise ValueError(
                f"{self.num_classes} classes with DAP's k = {self.decoder.dap_kernel} need {self.width} channels in "
                f"the decoder; at most {LARGEST_DECODER} are possible"
            )
        return self

    @property
    def width(self) -> int:
        """Channels of every decoder map: the classes, times k² where each class predicts its neighbours (§3.2)."""
        wide = self.decoder.prediction is not Prediction.PLAIN
        return self.num_classes * (self.decoder.dap_kernel**2 if wide else 1)
