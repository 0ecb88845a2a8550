"""What the networks of a preset's trainings ask for, each counted once (:mod:`exfuse.inspection.roofline`)."""

from exfuse.inspection.roofline import classification_step, segmentation_step
from exfuse.planning.subjects import Subject
from exfuse.planning.work import Work
from exfuse.spec.model import BackboneSpec


def count(subject: Subject) -> Work:
    """Forward pass, losses and backward pass of a network in training."""
    size, images, precision = subject.size, subject.images, subject.precision
    if isinstance(subject.network, BackboneSpec):
        return classification_step(subject.network, subject.classes, size, images, precision)
    return segmentation_step(subject.network, size, images, precision)
