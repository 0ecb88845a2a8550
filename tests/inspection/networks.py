"""Small networks that can be worked out by hand."""

from typing import Any

from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, SemanticSupervisionSpec

CLASSES, SIZE = 3, 64
EXFUSE: dict[str, Any] = {
    "tap": "ss-convolution", "upsampling": "ecre", "semantic_embedding": True, "prediction": "dap"
}  # fmt: skip


def backbone(**options: Any) -> BackboneSpec:
    """A narrow ResNeXt whose levels have 16, 16, 24 and 32 channels and whose heads have half as many."""
    numbers = {
        "blocks": (1, 1, 2, 1), "channels": (4, 4, 6, 8), "stem_width": 8, "cardinality": 2, "base_width": 32,
        "semantic_supervision": SemanticSupervisionSpec(width_ratio=0.5),
    }  # fmt: skip
    return BackboneSpec(**(numbers | options))


def model(**options: Any) -> ModelSpec:
    decoder = DecoderSpec(**({"gcn_kernel": 5} | EXFUSE | options))
    return ModelSpec(backbone=backbone(), decoder=decoder, num_classes=CLASSES)
