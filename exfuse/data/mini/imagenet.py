"""ILSVRC 2012's archives: a tar of tars, the validation tar and the development kit."""

from dataclasses import dataclass

import numpy as np

from exfuse.data.mini.containers import Member, gzipped, jpeg, matlab, rgb_png, tarred
from exfuse.data.mini.photographs import Tick
from exfuse.data.mini.scenes import classification_scene, random_generator
from exfuse.data.mini.vocabulary import IN_IMAGENET, Concept
from exfuse.spec.mini import MiniSettings

TRAIN_ARCHIVE = "ILSVRC2012_img_train.tar"
VAL_ARCHIVE = "ILSVRC2012_img_val.tar"
DEVKIT_ARCHIVE = "ILSVRC2012_devkit_t12.tar.gz"
DEVKIT = "ILSVRC2012_devkit_t12"
PUBLISHER = 2
"""Place of these pictures among the random streams."""
TRAIN, VAL = 0, 1

ENCODINGS = {(TRAIN, 0): "CMYK", (TRAIN, 1): "PNG", (TRAIN, 2): "L", (VAL, 3): "CMYK"}
"""Pictures (split, number) that are no RGB JPEG, though all of them are named ``.JPEG``."""
README = "Mini development kit in the layout of ILSVRC 2012's: data/meta.mat and the validation ground truth.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Synset:
    """A row of ``meta.mat``; inner nodes of the hierarchy have children and no pictures."""

    number: int
    wnid: str
    words: str
    gloss: str
    children: tuple[int, ...] = ()
    height: int = 0
    train_images: int = 0


def _by_wnid() -> list[Concept]:
    return sorted(IN_IMAGENET, key=lambda concept: concept.wnid)


def ilsvrc_ids(settings: MiniSettings) -> dict[str, int]:
    """ILSVRC id by wnid: 1 … n, in an order that is not that of the wnids."""
    wnids = [concept.wnid for concept in _by_wnid()]
    order = random_generator(settings.seed, PUBLISHER).permutation(len(wnids)).tolist()
    if order == sorted(order):
        order.reverse()
    return {wnid: place + 1 for wnid, place in zip(wnids, order, strict=True)}


def _encoded(settings: MiniSettings, split: int, number: int, concept: Concept) -> bytes:
    rng = random_generator(settings.seed, PUBLISHER, split, number)
    picture = classification_scene(rng, settings.imagenet_side, concept).picture
    mode = ENCODINGS.get((split, number), "RGB")
    return rgb_png(picture) if mode == "PNG" else jpeg(picture, mode)


def train_archive(settings: MiniSettings, tick: Tick) -> bytes:
    """``ILSVRC2012_img_train.tar``: one uncompressed tar a class."""
    concepts, per_class = _by_wnid(), settings.imagenet_train
    classes: list[Member] = []
    for place, concept in enumerate(concepts):
        members: list[Member] = []
        for index in range(per_class):
            number = index * len(concepts) + place
            content = _encoded(settings, TRAIN, number, concept)
            members.append((f"{concept.wnid}_{number + 1}.JPEG", content))
            tick(place * per_class + index + 1, len(concepts) * per_class)
        classes.append((f"{concept.wnid}.tar", tarred(members)))
    return tarred(classes)


def _val_concepts(settings: MiniSettings) -> list[Concept]:
    """The class of each validation picture, shuffled."""
    concepts = _by_wnid() * settings.imagenet_val
    order = random_generator(settings.seed, PUBLISHER, VAL).permutation(len(concepts))
    return [concepts[place] for place in order]


def val_archive(settings: MiniSettings, tick: Tick) -> bytes:
    """``ILSVRC2012_img_val.tar``: pictures whose names tell no class."""
    concepts = _val_concepts(settings)
    members: list[Member] = []
    for number, concept in enumerate(concepts):
        members.append((f"ILSVRC2012_val_{number + 1:08d}.JPEG", _encoded(settings, VAL, number, concept)))
        tick(number + 1, len(concepts))
    return tarred(members)


def _synsets(settings: MiniSettings) -> list[Synset]:
    """Leaves in the order of their ids, then the inner nodes, as in the original."""
    numbers = ilsvrc_ids(settings)
    leaves = [
        Synset(
            number=numbers[concept.wnid],
            wnid=concept.wnid,
            words=concept.words,
            gloss=f"a {concept.texture} {concept.shape}",
            train_images=settings.imagenet_train,
        )
        for concept in IN_IMAGENET
    ]
    leaves.sort(key=lambda synset: synset.number)
    animals = tuple(numbers[concept.wnid] for concept in IN_IMAGENET if concept.wnid.startswith(("n01", "n02")))
    objects = tuple(number for number in sorted(numbers.values()) if number not in animals)
    first = len(leaves) + 1
    return [
        *leaves,
        Synset(number=first, wnid="n00001740", words="entity", gloss="root", children=(first + 1, first + 2), height=2),
        Synset(number=first + 1, wnid="n00015388", words="animal", gloss="animals", children=animals, height=1),
        Synset(number=first + 2, wnid="n00021939", words="artifact", gloss="the rest", children=objects, height=1),
    ]


def _meta(synsets: list[Synset]) -> bytes:
    """``meta.mat``: a column of structs with the original's fields, in its order."""
    rows = np.empty(
        (len(synsets), 1),
        dtype=[
            (name, object)
            for name in (
                "ILSVRC2012_ID",
                "WNID",
                "words",
                "gloss",
                "num_children",
                "children",
                "wordnet_height",
                "num_train_images",
            )
        ],
    )
    for row, synset in enumerate(synsets):
        rows[row, 0] = (
            np.uint16(synset.number),
            synset.wnid,
            synset.words,
            synset.gloss,
            np.uint8(len(synset.children)),
            np.array(synset.children, dtype=np.uint16).reshape(1, -1),
            np.uint8(synset.height),
            np.uint16(synset.train_images),
        )
    return matlab({"synsets": rows})


def devkit_archive(settings: MiniSettings) -> bytes:
    """``ILSVRC2012_devkit_t12.tar.gz``: synsets and the ILSVRC id of each validation picture."""
    numbers = ilsvrc_ids(settings)
    truth = "".join(f"{numbers[concept.wnid]}\n" for concept in _val_concepts(settings))
    members: list[Member] = [
        (f"{DEVKIT}/", b""),
        (f"{DEVKIT}/readme.txt", README.encode()),
        (f"{DEVKIT}/data/", b""),
        (f"{DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt", truth.encode()),
        (f"{DEVKIT}/data/meta.mat", _meta(_synsets(settings))),
    ]
    return gzipped(tarred(members))
