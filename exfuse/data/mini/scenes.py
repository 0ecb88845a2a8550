"""Composes mini pictures: things of many sizes over one another, clutter, an uneven background, noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from exfuse.data.labels import IGNORE_INDEX
from exfuse.data.mini.drawing import QUARTERS, Map, Picture, Thing, draw
from exfuse.data.mini.vocabulary import CLUTTER, CONCEPTS, Colour, Concept
from exfuse.spec.mini import SideRange

COLOUR_SPREAD = 55
"""Half width of a kind's colour distribution, against centres about 50 apart."""
CONTRAST = (60, 120)
"""Difference of a texture's tones."""
PITCH = (9, 13)
"""Half a texture's period, in quarters of a pixel."""
TILT = 20
"""Largest rotation of a thing, and of its texture, from upright: 1/256 of a turn."""
NOISE = 5
BACKGROUND_CELLS = 4
CROWD_SIZE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A picture and what is where in it.

    Attributes:
        picture: (H, W, 3) RGB.
        order: (H, W), the number of the uppermost thing at each pixel; 0 where there is none.
        things: back to front; thing ``n`` of ``order`` is ``things[n - 1]``.
    """

    picture: Picture
    order: Map
    things: tuple[Thing, ...]

    def visible(self, number: int) -> np.ndarray:
        """(H, W) bool: where a thing is the uppermost one."""
        return self.order == number

    def labels(self) -> Map:
        """(H, W): the VOC class of each pixel, 0 for background."""
        classes = np.array([0, *(thing.concept.voc for thing in self.things)], dtype=np.uint8)
        return classes[self.order]

    def objects(self) -> Map:
        """(H, W): the number of each VOC thing, counted from 1 over those that are seen; 0 for background."""
        numbers = np.zeros(len(self.things) + 1, dtype=np.uint8)
        seen = [n for n, thing in enumerate(self.things, 1) if thing.concept.voc and self.visible(n).any()]
        numbers[seen] = np.arange(1, len(seen) + 1)
        return numbers[self.order]

    def borders(self) -> np.ndarray:
        """(H, W) bool: the line, one pixel thin, around every object, on the side of what lies behind it."""
        objects = self.objects()
        border = np.zeros(objects.shape, dtype=bool)
        everything = slice(None)
        ahead, behind = slice(1, None), slice(None, -1)
        for here, there in (
            ((ahead, everything), (behind, everything)),
            ((behind, everything), (ahead, everything)),
            ((everything, ahead), (everything, behind)),
            ((everything, behind), (everything, ahead)),
        ):
            border[here] |= (objects[here] != objects[there]) & (self.order[here] < self.order[there])
        return border


def with_void(values: Map, scene: Scene) -> Map:
    """A label map (H, W) with VOC's void line around the objects."""
    return np.where(scene.borders(), np.uint8(IGNORE_INDEX), values)


def random_generator(seed: int, *place: int) -> np.random.Generator:
    """The random numbers of one place (publisher, picture), independent of every other place's."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, len(place), *place])))


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _size(rng: np.random.Generator, side: SideRange) -> tuple[int, int]:
    """Width and height; two pictures in three are landscape, as photographs are."""
    short = _between(rng, side.short, side.long)
    return (side.long, short) if rng.integers(3) else (short, side.long)


def _pick(rng: np.random.Generator, concepts: Sequence[Concept]) -> Concept:
    weights = np.cumsum([concept.weight for concept in concepts])
    return concepts[int(np.searchsorted(weights, rng.integers(weights[-1]), side="right"))]


def _tones(rng: np.random.Generator, centre: Colour) -> tuple[Colour, Colour]:
    base = np.array(centre) + rng.integers(-COLOUR_SPREAD, COLOUR_SPREAD + 1, size=3)
    half = _between(rng, *CONTRAST) // 2
    pair = [base - half, base + half] if rng.integers(2) else [base + half, base - half]
    first, second = (tuple(int(value) for value in np.clip(tone, 0, 255)) for tone in pair)
    return first, second  # type: ignore[return-value]


def thing_at(rng: np.random.Generator, concept: Concept, *, x: int, y: int, radius: int) -> Thing:
    """A thing of a kind at a place (quarters of a pixel), otherwise at random."""
    return Thing(
        concept=concept,
        x=x,
        y=y,
        radius=radius,
        angle=_between(rng, -TILT, TILT),
        texture_angle=_between(rng, -TILT, TILT),
        pitch=_between(rng, *PITCH),
        tones=_tones(rng, concept.colour),
    )


def _scattered(
    rng: np.random.Generator, concepts: Sequence[Concept], count: int, radii: tuple[int, int], size: tuple[int, int]
) -> list[Thing]:
    """Things anywhere in a picture of ``size`` (width, height), radii in pixels."""
    width, height = size
    return [
        thing_at(
            rng,
            _pick(rng, concepts),
            x=_between(rng, QUARTERS * 4, QUARTERS * (width - 4)),
            y=_between(rng, QUARTERS * 4, QUARTERS * (height - 4)),
            radius=_between(rng, QUARTERS * radii[0], QUARTERS * radii[1]),
        )
        for _ in range(count)
    ]


def _crowd(rng: np.random.Generator, concept: Concept, size: tuple[int, int]) -> list[Thing]:
    y = _between(rng, QUARTERS * 8, QUARTERS * (size[1] - 8))
    places = [QUARTERS * (8 + 9 * number) for number in range(CROWD_SIZE)]
    return [thing_at(rng, concept, x=x, y=y, radius=QUARTERS * 6) for x in places]


def _background(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    cells = rng.integers(60, 180, size=(BACKGROUND_CELLS, BACKGROUND_CELLS, 1)) + rng.integers(-25, 26, size=3)
    cells = cells.astype(np.uint8)
    return np.array(Image.fromarray(cells).resize(size, Image.Resampling.BILINEAR))


def compose(rng: np.random.Generator, size: tuple[int, int], things: Sequence[Thing]) -> Scene:
    """Draws things, back to front, on a random background and adds noise."""
    picture = _background(rng, size)
    order: Map = np.zeros(picture.shape[:2], dtype=np.uint8)
    for number, thing in enumerate(things, 1):
        draw(picture, order, thing, number)
    noise = rng.integers(-NOISE, NOISE + 1, size=picture.shape)
    noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return Scene(picture=noisy, order=order, things=tuple(things))


def segmentation_scene(
    rng: np.random.Generator,
    side: SideRange,
    wanted: Sequence[Concept],
    clutter: Sequence[Concept],
    crowd: bool = False,
) -> Scene:
    """One to four wanted things among clutter, smaller ones in front.

    Args:
        crowd: adds ``CROWD_SIZE`` small things of one kind, side by side, in front of everything.
    """
    size = _size(rng, side)
    things = _scattered(rng, wanted, _between(rng, 1, 4), (7, 21), size)
    things += _scattered(rng, clutter, _between(rng, 2, 4), (5, 13), size)
    things.sort(key=lambda thing: -thing.radius)
    if crowd:
        things += _crowd(rng, _pick(rng, wanted), size)
    return compose(rng, size, things)


def classification_scene(rng: np.random.Generator, side: SideRange, concept: Concept) -> Scene:
    """One dominant thing near the middle, with smaller clutter behind and in front of it."""
    width, height = _size(rng, side)
    behind = _scattered(rng, CONCEPTS, _between(rng, 1, 2), (4, 6), (width, height))
    dominant = thing_at(
        rng,
        concept,
        x=QUARTERS * width // 2 + _between(rng, -3 * QUARTERS, 3 * QUARTERS),
        y=QUARTERS * height // 2 + _between(rng, -3 * QUARTERS, 3 * QUARTERS),
        radius=_between(rng, 13 * QUARTERS, 20 * QUARTERS),
    )
    front = _scattered(rng, CLUTTER, _between(rng, 0, 1), (4, 5), (width, height))
    return compose(rng, (width, height), [*behind, dominant, *front])
