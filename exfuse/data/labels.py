"""Label rules: PASCAL VOC's class order and palette, the void value, and the restriction to fewer classes."""

import difflib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from exfuse.errors import UserError
from exfuse.spec.datasets import VOC_CLASSES as VOC_CLASSES

IGNORE_INDEX = 255
"""Void: the border of VOC's objects, COCO's crowd regions, padding. Ignored in loss and metric."""


@cache
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


def class_ids(names: Sequence[str], classes: Sequence[str] = VOC_CLASSES) -> tuple[int, ...]:
    """Label values of object classes, ascending.

    Args:
        names: object classes.
        classes: all class names in the order of their label values, background (or the rest) first.

    Raises:
        UserError: a name is no object class or is given twice.
    """
    for name in names:
        if name not in classes[1:]:
            raise UserError(_unknown_class(name, classes))
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise UserError(f"class `{twice}` is given twice. Name each class once.")
    return tuple(sorted(classes.index(name) for name in names))


def _unknown_class(name: str, classes: Sequence[str]) -> str:
    if name == classes[0]:
        return f"`{name}` is always a class. Leave it out of the list."
    nearest = difflib.get_close_matches(name, classes[1:], n=1, cutoff=0.4)
    hint = f"Did you mean `{nearest[0]}`?" if nearest else f"The classes are: {', '.join(classes[1:])}."
    return f"unknown class `{name}`. {hint}"


class ClassMap:
    """Restriction of the masks' labels to some object classes; every other class becomes the first, the background.

    Attributes:
        names: class names by training label: background, then the kept classes in the order of their labels.
        num_classes: classes with background.
        num_labels: label values in the masks, void apart.
        table: (256,) uint8, from the masks' label to the training label; 255 stays 255. Values that are no label at
            all (which the preparation refuses) become 255, so that they can never be trained on.
        to_masks: (256,) uint8, from the training label back to the masks'; values beyond the classes become 255.
    """

    names: tuple[str, ...]
    num_classes: int
    num_labels: int
    table: NDArray[np.uint8]
    to_masks: NDArray[np.uint8]

    def __init__(self, kept: Sequence[str] = VOC_CLASSES[1:], classes: Sequence[str] = VOC_CLASSES) -> None:
        """Builds both look-up tables.

        Args:
            kept: object classes by name, in any order, without background.
            classes: all class names in the order of the masks' labels.

        Raises:
            UserError: no class, an unknown one, or one given twice.
        """
        if not kept:
            raise UserError("the list of classes is empty. Keep at least one object class.")
        labels = (0, *class_ids(kept, classes))
        self.names = tuple(classes[label] for label in labels)
        self.num_classes = len(labels)
        self.num_labels = len(classes)
        self.table = np.full(256, IGNORE_INDEX, dtype=np.uint8)
        self.table[: len(classes)] = 0
        self.to_masks = np.full(256, IGNORE_INDEX, dtype=np.uint8)
        for label, in_masks in enumerate(labels):
            self.table[in_masks] = label
            self.to_masks[label] = in_masks
        for lookup in (self.table, self.to_masks):
            lookup.flags.writeable = False
