"""The pictures that VOC and SBD share: drawn once, assigned to the splits of both."""

from collections.abc import Callable
from dataclasses import dataclass

from exfuse.data.mini.containers import jpeg
from exfuse.data.mini.scenes import Scene, random_generator, segmentation_scene
from exfuse.data.mini.vocabulary import IN_VOC, NOT_IN_VOC
from exfuse.spec.mini import MiniSettings

Tick = Callable[[int, int], None]
"""Told the pictures done and in all."""

PUBLISHER = 0
"""Place of these pictures among the random streams."""
FIRST_YEAR, YEARS = 2007, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Photograph:
    """A picture under its VOC id, with its file's bytes."""

    name: str
    content: bytes
    scene: Scene


@dataclass(frozen=True, kw_only=True, slots=True)
class Photographs:
    """VOC's and SBD's pictures by split; every tuple is in the order of the ids."""

    voc_train: tuple[Photograph, ...]
    voc_val: tuple[Photograph, ...]
    voc_test: tuple[Photograph, ...]
    sbd_train: tuple[Photograph, ...]
    sbd_val: tuple[Photograph, ...]

    @property
    def sbd(self) -> tuple[Photograph, ...]:
        """All of SBD."""
        return _by_name([*self.sbd_train, *self.sbd_val])


def _by_name(photographs: list[Photograph]) -> tuple[Photograph, ...]:
    return tuple(sorted(photographs, key=lambda photograph: photograph.name))


def _names(settings: MiniSettings, count: int) -> list[str]:
    """Distinct ids like 2007_000032, in random order, so that splits interleave as VOC's do."""
    rng = random_generator(settings.seed, PUBLISHER)
    numbers = rng.permutation(count * 7)[:count]
    years = FIRST_YEAR + rng.integers(YEARS, size=count)
    return [f"{year}_{number:06d}" for year, number in zip(years, numbers, strict=True)]


def take_photographs(settings: MiniSettings, tick: Tick) -> Photographs:
    """Draws the pictures of VOC and SBD.

    SBD holds some pictures of VOC train and of VOC val beside its own, in both of its splits: three in four of each
    kind are in SBD train, the rest (at least one) in SBD val.
    """
    counts = (settings.voc_train, settings.voc_val, settings.voc_test, settings.sbd_own)
    total = sum(counts)
    taken = []
    for index, name in enumerate(_names(settings, total)):
        rng = random_generator(settings.seed, PUBLISHER, index)
        scene = segmentation_scene(rng, settings.voc_side, IN_VOC, NOT_IN_VOC)
        taken.append(Photograph(name=name, content=jpeg(scene.picture), scene=scene))
        tick(index + 1, total)
    groups = iter(taken)
    train, val, test, own = ([next(groups) for _ in range(count)] for count in counts)
    sbd_train, sbd_val = [], []
    for group in (train[: settings.sbd_in_voc_train], val[: settings.sbd_in_voc_val], own):
        cut = len(group) * 3 // 4
        sbd_train += group[:cut]
        sbd_val += group[cut:]
    return Photographs(
        voc_train=_by_name(train),
        voc_val=_by_name(val),
        voc_test=_by_name(test),
        sbd_train=_by_name(sbd_train),
        sbd_val=_by_name(sbd_val),
    )
