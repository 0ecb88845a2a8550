"""What Figures 2–6 are drawn from."""

import torch

from exfuse.inspection.blocks import network
from exfuse.inspection.impulses import dap_impulses, shuffle_impulses
from exfuse.models import build, build_classifier
from exfuse.models.segmenter import Segmenter
from exfuse.spec.architecture import Architecture, Network
from exfuse.spec.model import BackboneSpec, ModelSpec


def segmentation_network(model: Segmenter, size: int, baseline: Network | None = None) -> Network:
    """A segmentation network, followed at ``size``, with what its auxiliary loss reads.

    Batch norms run as in evaluation: a batch of one may leave them a single value.
    """
    model.eval()
    model.training = True  # of the network alone: it gives the auxiliary scores in training only
    return network(model, torch.zeros(1, 3, size, size), baseline)


def pretraining_network(spec: BackboneSpec, size: int, classes: int) -> Network:
    """What pretrains a backbone, followed at ``size``."""
    return network(build_classifier(spec, classes).eval(), torch.zeros(1, 3, size, size))


def examine(
    exfuse: ModelSpec, baseline: ModelSpec, size: int, pretraining_size: int, pretraining_classes: int, key: str
) -> Architecture:
    """Traces ExFuse and the network that pretrains its backbone.

    Args:
        exfuse: the network of Figures 2–6.
        baseline: the network whose blocks count as not proposed.
        size: side of the images that segmentation networks read.
        pretraining_size: side of the images that backbones are pretrained on.
        pretraining_classes: classes of that pretraining.
        key: of the job.
    """
    before = segmentation_network(build(baseline), size)
    model = build(exfuse)
    return Architecture(
        key=key,
        size=size,
        pretraining_size=pretraining_size,
        pretraining_classes=pretraining_classes,
        network=segmentation_network(model, size, before),
        classifier=pretraining_network(exfuse.backbone, pretraining_size, pretraining_classes),
        dap=dap_impulses(model),
        shuffle=shuffle_impulses(model),
    )
