"""Label rules of PASCAL VOC 2012: class order, colour palette, the void value, and the restriction to fewer classes."""

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError

IGNORE_INDEX = 255
"""Void: the border of VOC's objects, COCO's crowd regions, padding. Ignored in loss and metric."""

VOC_CLASSES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""Class names in the order of their label values 0..20."""


def voc_palette() -> bytes:
    """The palette of VOC's label images: 256 RGB triples, 768 bytes.

    The bits of a label, three at a time from the lowest, become the bits of red, green and blue from the highest
    (``VOClabelcolormap`` of the VOC devkit).
    """
    palette = bytearray()
    for label in range(256):
        colour = [0, 0, 0]
        for position in range(8):
            for channel in range(3):
                colour[channel] |= (label >> (3 * position + channel) & 1) << (7 - position)
        palette.extend(colour)
    return bytes(palette)


def class_ids(names: Sequence[str]) -> tuple[int, ...]:
    """VOC's label values of object classes, ascending.

    Raises:
        UserError: a name is no object class of VOC or is given twice.
    """
    for name in names:
        if name not in VOC_CLASSES[1:]:
            raise UserError(_unknown_class(name))
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise UserError(f"class `{twice}` is given twice. Name each class once.")
    return tuple(sorted(VOC_CLASSES.index(name) for name in names))


def _unknown_class(name: str) -> str:
    if name == VOC_CLASSES[0]:
        return "`background` is always a class. Leave it out of the list."
    nearest = difflib.get_close_matches(name, VOC_CLASSES[1:], n=1, cutoff=0.4)
    hint = f"Did you mean `{nearest[0]}`?" if nearest else f"VOC's classes are: {', '.join(VOC_CLASSES[1:])}."
    return f"unknown class `{name}`. {hint}"


class ClassMap:
    """Restriction of VOC's labels to some object classes; every other class becomes background.

    Attributes:
        names: class names by training label: background, then the kept classes in VOC's order.
        num_classes: classes with background.
        table: (256,) uint8, from VOC's label to the training label; 255 stays 255. Values that are no label at all
            (21..254, which the preparation refuses) become 255, so that they can never be trained on.
        to_voc: (256,) uint8, from the training label back to VOC's; values beyond the classes become 255.
    """

    names: tuple[str, ...]
    num_classes: int
    table: NDArray[np.uint8]
    to_voc: NDArray[np.uint8]

    def __init__(self, kept: Sequence[str] = VOC_CLASSES[1:]) -> None:
        """Builds both look-up tables.

        Args:
            kept: object classes by VOC's names, in any order, without background.

        Raises:
            UserError: no class, an unknown one, or one given twice.
        """
        if not kept:
            raise UserError("the list of classes is empty. Keep at least one object class.")
        voc_ids = (0, *class_ids(kept))
        self.names = tuple(VOC_CLASSES[voc_id] for voc_id in voc_ids)
        self.num_classes = len(voc_ids)
        self.table = np.full(256, IGNORE_INDEX, dtype=np.uint8)
        self.table[: len(VOC_CLASSES)] = 0
        self.to_voc = np.full(256, IGNORE_INDEX, dtype=np.uint8)
        for label, voc_id in enumerate(voc_ids):
            self.table[voc_id] = label
            self.to_voc[label] = voc_id
        for lookup in (self.table, self.to_voc):
            lookup.flags.writeable = False
