"""Anti-aliased drawing of things in integer arithmetic, so that every processor draws the same bytes.

Lengths are in quarters of a pixel; each pixel is sampled at four points.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exfuse.data.mini.vocabulary import Colour, Concept, Shape, Texture

Picture = npt.NDArray[np.uint8]
Map = npt.NDArray[np.uint8]
Grid = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

QUARTERS = 4
SAMPLES = 4
TURN = 256
"""Angles are in 1/256 of a turn."""
UNIT = 1024
"""Fixed-point one: sines, and a thing's own coordinates, in which its radius is 1."""
# Rounded to a fixed point, sines are the same in every C library.
SINES = tuple(round(UNIT * math.sin(2 * math.pi * angle / TURN)) for angle in range(TURN))


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """One thing in a picture.

    Attributes:
        x, y, radius, pitch: quarters of a pixel; ``pitch`` is half the texture's period.
        angle, texture_angle: 1/256 of a turn.
        tones: the texture's two colours.
    """

    concept: Concept
    x: int
    y: int
    radius: int
    angle: int
    texture_angle: int
    pitch: int
    tones: tuple[Colour, Colour]


def _rotated(dx: Grid, dy: Grid, angle: int) -> tuple[Grid, Grid]:
    sine, cosine = SINES[angle % TURN], SINES[(angle + TURN // 4) % TURN]
    return cosine * dx + sine * dy, cosine * dy - sine * dx


def _inside(shape: Shape, u: Grid, v: Grid) -> Mask:
    """Whether points (in 1/1024 of the radius) lie inside a shape; all shapes have about the same area."""
    across, along = np.abs(u), np.abs(v)
    match shape:
        case Shape.DISC:
            return u * u + v * v <= 860 * 860
        case Shape.SQUARE:
            return np.maximum(across, along) <= 760
        case Shape.CROSS:
            return (np.minimum(across, along) <= 360) & (np.maximum(across, along) <= 1000)
        case Shape.TRIANGLE:
            return (v <= 640) & (100 * across <= 62 * (v + 1000))


def _second_tone(texture: Texture, u: Grid, v: Grid, pitch: int) -> Mask:
    """Where a texture shows its second tone; ``u``, ``v``, ``pitch`` in quarters of a pixel."""
    match texture:
        case Texture.PLAIN:
            return np.zeros(u.shape, dtype=bool)
        case Texture.STRIPED:
            return (u // pitch) % 2 == 1
        case Texture.CHECKERED:
            return (u // pitch + v // pitch) % 2 == 1
        case Texture.DOTTED:
            across, along = u % (2 * pitch) - pitch, v % (2 * pitch) - pitch
            return 100 * (across * across + along * along) <= 40 * pitch * pitch


def _samples(low: int, high: int) -> Grid:
    """Positions of the samples of pixels ``low`` … ``high`` − 1, two a pixel, in quarters."""
    return np.arange(QUARTERS * low + 1, QUARTERS * high, 2, dtype=np.int64)


def _per_pixel(samples: Mask) -> Grid:
    """Counts a pixel's samples: (2h, 2w) bool → (h, w) in 0 … 4."""
    height, width = samples.shape
    return samples.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3), dtype=np.int64)


def draw(picture: Picture, order: Map, thing: Thing, number: int) -> None:
    """Paints a thing over what is there, in place.

    Args:
        picture: (H, W, 3).
        order: (H, W), the number of the uppermost thing at each pixel, 0 where there is none.
        number: the thing's number; pixels that it covers at least by half get it.
    """
    height, width = order.shape
    left, right = max(0, (thing.x - thing.radius) // QUARTERS - 1), min(width, (thing.x + thing.radius) // QUARTERS + 2)
    top, bottom = (
        max(0, (thing.y - thing.radius) // QUARTERS - 1),
        min(height, (thing.y + thing.radius) // QUARTERS + 2),
    )
    if left >= right or top >= bottom:
        return
    dx, dy = np.meshgrid(_samples(left, right) - thing.x, _samples(top, bottom) - thing.y)
    u, v = _rotated(dx, dy, thing.angle)
    inside = _inside(thing.concept.shape, u // thing.radius, v // thing.radius)
    u, v = _rotated(dx, dy, thing.texture_angle)
    second = _second_tone(thing.concept.texture, u // UNIT, v // UNIT, thing.pitch)
    ones, twos = _per_pixel(inside & ~second)[..., None], _per_pixel(inside & second)[..., None]
    first_tone, second_tone = np.array(thing.tones, dtype=np.int64)
    patch = picture[top:bottom, left:right]
    total = patch * (SAMPLES - ones - twos) + ones * first_tone + twos * second_tone
    patch[:] = (total + SAMPLES // 2) // SAMPLES
    order[top:bottom, left:right][(ones + twos)[..., 0] >= SAMPLES // 2] = number
