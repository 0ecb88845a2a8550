"""Files of weights as a training leaves them: small networks with random numbers, or with an answer that is known."""

from pathlib import Path
from typing import Any

import torch

from exfuse.models import build
from exfuse.models.segmenter import Segmenter
from exfuse.models.weights import save_weights
from exfuse.spec.settings import Normalization
from exfuse.spec.weights import Origin, Scores, SegmenterInfo
from tests.networks import EXFUSE, backbone, enliven, gcn

CLASSES = ("background", "car", "cat")
LABELS = (0, 7, 8)
NORMALIZATION = Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
BACKBONE = backbone()


def describe(**changes: Any) -> SegmenterInfo:
    """What a small ExFuse of three of VOC's classes says of itself, but for what is given; ``decoder``: its options."""
    of_info: dict[str, Any] = {
        "title": "small ExFuse",
        "model": gcn(**changes.pop("decoder", EXFUSE)),
        "classes": CLASSES,
        "labels": LABELS,
        "size": 64,
        "normalization": NORMALIZATION,
        "scores": Scores(on="VOC val", images=5, miou=0.5, miou_flip=0.25, iou=dict.fromkeys(CLASSES, 0.5)),
        "origin": Origin(
            job="runs/exfuse/seed0/trainaug", key="0123abcd", preset="smoke", data="made-up archives", code="c0de",
            caveat="These numbers mean nothing.", libraries={"torch": "2.15.0"},
        ),
    }  # fmt: skip
    return SegmenterInfo(**of_info | changes)


def network(info: SegmenterInfo) -> Segmenter:
    """With random weights that make every class appear."""
    torch.manual_seed(0)
    return enliven(build(info.model)).eval()


def write_weights(target: Path, **changes: Any) -> SegmenterInfo:
    """A file of weights of :func:`describe`'s network."""
    info = describe(**changes)
    save_weights(target, network(info).state_dict(), info)
    return info
