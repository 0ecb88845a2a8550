"""What ``gallery.json`` holds; read by the page, which trusts no file."""

from typing import Annotated

from pydantic import Field

from exfuse.reporting.gallery.choice import Rule
from exfuse.spec.base import Frozen

Share = Annotated[float, Field(ge=0, le=1)]
Photograph = Annotated[str, Field(pattern=r"^data:image/jpeg;base64,[A-Za-z0-9+/]+=*$")]
Mask = Annotated[str, Field(pattern=r"^data:image/png;base64,[A-Za-z0-9+/]+=*$")]
"""Data URLs and nothing else, so that the page asks nobody for a picture."""


class PaletteClass(Frozen):
    """A class with its label in the masks and its colour (red, green, blue)."""

    name: str
    label: int = Field(ge=0, le=255)
    colour: tuple[int, int, int]


class ClassScore(Frozen):
    """A class of one image.

    Attributes:
        label: in the masks.
        truth: share of the counted pixels that hold it.
        gcn_share: share that GCN gives it.
        exfuse_share: share that ExFuse gives it.
        gcn: IoU of GCN; none where the image does not hold the class, or GCN was not scored.
        exfuse: IoU of ExFuse, likewise.
    """

    label: int = Field(ge=0, le=255)
    truth: Share
    gcn_share: Share | None
    exfuse_share: Share | None
    gcn: Share | None
    exfuse: Share | None


class Picture(Frozen):
    """One image: why it is here, its scores, its photograph and its masks.

    Attributes:
        id: in the set of validation images.
        rule: that took it.
        rank: its place by that rule among all images that were scored.
        width: of the image, pixels, before it was made smaller; none where its files are not there.
        height: likewise.
        gcn: mean IoU over the classes that the image's ground truth holds, 0–1; none without that evaluation.
        exfuse: likewise.
        classes: those that the ground truth or a prediction holds.
        photograph: JPEG.
        truth: mask as PNG of one 8-bit channel whose values are labels; 255 is void.
        gcn_mask: GCN's prediction, likewise.
        exfuse_mask: ExFuse's prediction, likewise.
        problems: what is in the way of a picture, by the name of its field.
    """

    id: str
    rule: Rule
    rank: int = Field(ge=1)
    width: int | None = Field(ge=1)
    height: int | None = Field(ge=1)
    gcn: Share | None
    exfuse: Share | None
    classes: tuple[ClassScore, ...]
    photograph: Photograph | None
    truth: Mask | None
    gcn_mask: Mask | None
    exfuse_mask: Mask | None
    problems: dict[str, str]

    @property
    def change(self) -> float | None:
        """ExFuse minus GCN, 0–1."""
        return None if self.exfuse is None or self.gcn is None else self.exfuse - self.gcn


class Gallery(Frozen):
    """The images that the rules chose.

    Attributes:
        gcn: run of the baseline.
        exfuse: run of ExFuse.
        scored: images that took part in the choice.
        without_objects: images that were left out since their ground truth holds background alone.
        longest_side: pixels; larger pictures were made smaller.
        jpeg_quality: of the photographs.
        palette: every class that the preset keeps, and void.
        pictures: in the order of the rules.
        problems: what is in the way of the whole.
    """

    gcn: str
    exfuse: str
    scored: int = Field(ge=0)
    without_objects: int = Field(ge=0)
    longest_side: int
    jpeg_quality: int
    palette: tuple[PaletteClass, ...]
    pictures: tuple[Picture, ...]
    problems: tuple[str, ...]
