"""A user's own data: folders of images and masks with split lists, in VOC's layout or any other.

What is declared is enough to fine-tune, evaluate and report any run of the paper on it; see ``docs/own-data.md``.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from exfuse.spec.base import Frozen

OwnSplit = Literal["train", "val"]
OWN_SPLITS: tuple[OwnSplit, ...] = ("train", "val")
MAX_CLASSES = 255
"""Prepared masks have eight bits, and 255 is void."""
VALUES = 1 << 16
"""A mask's values lie below it."""

Value = Annotated[int, Field(ge=0, lt=VALUES)]


class Lists(Frozen):
    """Split lists, relative to the data's folder: an id a line, or the paths of an image and of its mask."""

    train: str = "ImageSets/Segmentation/train.txt"
    val: str = "ImageSets/Segmentation/val.txt"


class OwnData(Frozen):
    """Images and masks of one's own; paths are relative to the data's folder."""

    classes: tuple[str, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    """Names in the order of the masks' values."""
    images: str = "JPEGImages"
    """Folder of the images, or a pattern with ``{id}``."""
    masks: str = "SegmentationClass"
    """Folder of the masks, or a pattern with ``{id}``."""
    lists: Lists = Lists()
    first_value: Value = 0
    """The masks' value of the first class; the others follow."""
    values: tuple[Value, ...] | None = None
    """The masks' value of each class, where they do not follow one another."""
    ignore: tuple[Value, ...] = (255,)
    """The masks' values that are neither trained on nor scored."""
    white: int = Field(65535, gt=0, le=65535)
    """The value of 16-bit images that becomes the brightest of eight bits, such as 4095 for a sensor of 12 bits."""

    @field_validator("classes")
    @classmethod
    def _no_class_twice(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        for name in classes:
            if classes.count(name) > 1:
                raise ValueError(f"class '{name}' stands twice")
        return classes

    @model_validator(mode="after")
    def _values_fit_the_classes(self) -> "OwnData":
        if self.values is not None and len(self.values) != len(self.classes):
            raise ValueError(f"`values` has {len(self.values)} entries for {len(self.classes)} classes")
        if len(set(self.class_values)) != len(self.classes):
            raise ValueError("two classes have one value in `values`")
        if max(self.class_values) >= VALUES:
            raise ValueError(f"a class would have the value {max(self.class_values)}, beyond {VALUES - 1}")
        return self

    @model_validator(mode="after")
    def _ignored_values_are_no_classes(self) -> "OwnData":
        for value in self.ignore:
            if value in self.class_values:
                name = self.classes[self.class_values.index(value)]
                raise ValueError(
                    f"value {value} is to be ignored and is class '{name}' too; list the classes without it, and give "
                    "the others' values with `first_value` or `values`"
                )
        return self

    @property
    def class_values(self) -> tuple[int, ...]:
        """The masks' value of each class."""
        return self.values or tuple(range(self.first_value, self.first_value + len(self.classes)))
