"""What the mini pictures show: things that only their shape *and* their texture together tell apart.

Every concept is one cell of a grid of shapes and textures. The cells of a row or a column belong to different
classes, and four cells belong to none, so that neither cue alone decides. Names, COCO category ids and WordNet ids
are real ones; the look is not.
"""

from dataclasses import dataclass
from enum import StrEnum

Colour = tuple[int, int, int]


class Shape(StrEnum):
    """Outline of a thing."""

    DISC = "disc"
    CROSS = "cross"
    SQUARE = "square"
    TRIANGLE = "triangle"


class Texture(StrEnum):
    """Two-tone pattern inside the outline."""

    STRIPED = "striped"
    DOTTED = "dotted"
    PLAIN = "plain"
    CHECKERED = "checkered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Concept:
    """A kind of thing and what each publisher calls it; a kind that nobody names is clutter.

    Attributes:
        colour: centre of its colour distribution (RGB); the distributions of all kinds overlap.
        voc: VOC class number, 0 where VOC has no such class.
        coco: COCO category id, 0 for clutter.
        coco_name: COCO's name of the category.
        wnid: WordNet id of the ImageNet class.
        words: ImageNet's words for it.
        weight: how often it appears in a segmentation picture, relative to the others.
    """

    shape: Shape
    texture: Texture
    colour: Colour
    voc: int = 0
    coco: int = 0
    coco_name: str = ""
    wnid: str = ""
    words: str = ""
    weight: int = 1


CONCEPTS: tuple[Concept, ...] = (
    Concept(
        shape=Shape.CROSS, texture=Texture.STRIPED, colour=(90, 130, 180), weight=6,
        voc=2, coco=2, coco_name="bicycle", wnid="n03792782", words="mountain bike, all-terrain bike, off-roader",
    ),
    Concept(
        shape=Shape.DISC, texture=Texture.STRIPED, colour=(180, 130, 80), weight=6,
        voc=8, coco=17, coco_name="cat", wnid="n02123045", words="tabby, tabby cat",
    ),
    Concept(
        shape=Shape.CROSS, texture=Texture.DOTTED, colour=(160, 90, 130), weight=6,
        voc=9, coco=62, coco_name="chair", wnid="n04099969", words="rocking chair, rocker",
    ),
    Concept(
        shape=Shape.DISC, texture=Texture.DOTTED, colour=(190, 160, 90), weight=6,
        voc=7, coco=3, coco_name="car", wnid="n04285008", words="sports car, sport car",
    ),
    Concept(
        shape=Shape.SQUARE, texture=Texture.STRIPED, colour=(150, 100, 70),
        voc=13, coco=19, coco_name="horse", wnid="n02389026", words="sorrel",
    ),
    Concept(
        shape=Shape.SQUARE, texture=Texture.DOTTED, colour=(90, 110, 130),
        voc=15, coco=1, coco_name="person", wnid="n10565667", words="scuba diver",
    ),
    Concept(
        shape=Shape.SQUARE, texture=Texture.PLAIN, colour=(110, 80, 130),
        voc=18, coco=63, coco_name="couch", wnid="n04344873", words="studio couch, day bed",
    ),
    Concept(
        shape=Shape.TRIANGLE, texture=Texture.PLAIN, colour=(190, 80, 70),
        voc=12, coco=18, coco_name="dog", wnid="n02099601", words="golden retriever",
    ),
    Concept(
        shape=Shape.TRIANGLE, texture=Texture.STRIPED, colour=(140, 140, 140), weight=3,
        coco=24, coco_name="zebra", wnid="n02391049", words="zebra",
    ),
    Concept(
        shape=Shape.TRIANGLE, texture=Texture.DOTTED, colour=(120, 80, 170), weight=3,
        coco=28, coco_name="umbrella", wnid="n04507155", words="umbrella",
    ),
    Concept(
        shape=Shape.DISC, texture=Texture.PLAIN, colour=(170, 170, 150), weight=3,
        coco=85, coco_name="clock", wnid="n02708093", words="analog clock",
    ),
    Concept(
        shape=Shape.CROSS, texture=Texture.PLAIN, colour=(80, 160, 180), weight=3,
        coco=38, coco_name="kite", wnid="n01608432", words="kite",
    ),
    Concept(shape=Shape.DISC, texture=Texture.CHECKERED, colour=(130, 135, 130), weight=3),
    Concept(shape=Shape.TRIANGLE, texture=Texture.CHECKERED, colour=(135, 130, 135), weight=3),
    Concept(shape=Shape.SQUARE, texture=Texture.CHECKERED, colour=(130, 130, 140), weight=3),
    Concept(shape=Shape.CROSS, texture=Texture.CHECKERED, colour=(140, 130, 130), weight=3),
)  # fmt: skip

IN_VOC = tuple(concept for concept in CONCEPTS if concept.voc)
"""Kinds with a VOC class: things to segment."""
NOT_IN_VOC = tuple(concept for concept in CONCEPTS if not concept.voc)
"""Kinds that VOC's labels call background."""
ONLY_IN_COCO = tuple(concept for concept in CONCEPTS if concept.coco and not concept.voc)
"""Kinds with a COCO category outside VOC's twenty."""
IN_IMAGENET = tuple(concept for concept in CONCEPTS if concept.wnid)
CLUTTER = tuple(concept for concept in CONCEPTS if not concept.coco)
"""Kinds that no publisher names."""
