"""The pictures' vocabulary: neither shape nor texture alone tells the classes apart."""

import pytest

from exfuse.data.labels import VOC_CLASSES
from exfuse.data.mini.scenes import COLOUR_SPREAD
from exfuse.data.mini.vocabulary import CLUTTER, CONCEPTS, IN_IMAGENET, IN_VOC, ONLY_IN_COCO, Concept, Shape, Texture

# FACTS of COCO: category id of each VOC class, in VOC's order.
COCO_OF_VOC = (0, 5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)
KEPT = ("bicycle", "car", "cat", "chair")
HARD = {"bicycle", "chair", "diningtable", "pottedplant", "sofa"}


def by_voc_name(name: str) -> Concept:
    (concept,) = (concept for concept in IN_VOC if VOC_CLASSES[concept.voc] == name)
    return concept


def test_every_cell_of_the_grid_is_one_concept() -> None:
    cells = [(concept.shape, concept.texture) for concept in CONCEPTS]
    assert sorted(cells) == sorted((shape, texture) for shape in Shape for texture in Texture)


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("cat", "car", "shape"),
        ("bicycle", "chair", "shape"),
        ("cat", "bicycle", "texture"),
        ("car", "chair", "texture"),
    ],
)
def test_classes_share_one_cue_and_differ_in_the_other(first: str, second: str, common: str) -> None:
    one, other = by_voc_name(first), by_voc_name(second)
    assert (one.shape is other.shape) == (common == "shape")
    assert (one.texture is other.texture) == (common == "texture")


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("cue", ["shape", "texture"])
def test_each_common_class_shares_its_cues_with_what_is_background(name: str, cue: str) -> None:
    """A model that goes by one cue would also mark kinds that the labels call background."""
    concept = by_voc_name(name)
    background = [other for other in CONCEPTS if not other.voc]
    assert any(getattr(other, cue) is getattr(concept, cue) for other in background)


def test_names_of_the_publishers_agree() -> None:
    assert all(COCO_OF_VOC[concept.voc] == concept.coco for concept in IN_VOC)
    assert all(concept.coco not in COCO_OF_VOC for concept in ONLY_IN_COCO)
    assert len(HARD & set(KEPT)) == 2
    assert len({concept.wnid for concept in IN_IMAGENET}) == len(IN_IMAGENET) == 12
    assert {concept.voc for concept in IN_VOC} <= {concept.voc for concept in IN_IMAGENET}
    assert all(not concept.wnid for concept in CLUTTER)


def test_colour_distributions_of_the_common_classes_overlap() -> None:
    centres = [by_voc_name(name).colour for name in KEPT]
    for one in centres:
        for other in centres:
            assert all(abs(a - b) < 2 * COLOUR_SPREAD for a, b in zip(one, other, strict=True))
