"""How many pictures the mini archives hold, and how large: data sets in miniature that stand in for the publishers'."""

from typing import Self

from pydantic import Field, model_validator

from exfuse.spec.base import Frozen


class SideRange(Frozen):
    """Picture sizes in pixels: the long side is fixed (as the publishers' is), the short one varies up to it."""

    long: int = Field(ge=32)
    short: int = Field(ge=32)
    """Smallest short side; each picture's is drawn from here up to ``long``."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.short > self.long:
            raise ValueError("short must not exceed long")
        return self


class MiniSettings(Frozen):
    """Contents of the mini archives; one seed decides every byte."""

    seed: int = Field(ge=0)
    voc_side: SideRange
    """VOC's and SBD's pictures."""
    coco_side: SideRange
    imagenet_side: SideRange
    voc_train: int = Field(gt=0)
    voc_val: int = Field(gt=0)
    voc_test: int = Field(gt=0)
    sbd_own: int = Field(gt=0)
    """SBD pictures that are in neither VOC train nor VOC val."""
    sbd_in_voc_train: int = Field(gt=0)
    sbd_in_voc_val: int = Field(gt=0)
    coco_train: int = Field(gt=0)
    coco_val: int = Field(gt=0)
    imagenet_train: int = Field(gt=0)
    """Pictures of each ImageNet class."""
    imagenet_val: int = Field(gt=0)
    """Pictures of each ImageNet class."""

    @model_validator(mode="after")
    def _shared_pictures_exist(self) -> Self:
        if self.sbd_in_voc_train > self.voc_train:
            raise ValueError("sbd_in_voc_train must not exceed voc_train")
        if self.sbd_in_voc_val > self.voc_val:
            raise ValueError("sbd_in_voc_val must not exceed voc_val")
        return self
