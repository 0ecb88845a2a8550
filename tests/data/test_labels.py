import pytest

from exfuse.data.labels import VOC_CLASSES, ClassMap, voc_palette
from exfuse.errors import UserError


@pytest.mark.parametrize(
    ("label", "colour"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (8, (64, 0, 0)),
        (15, (192, 128, 128)),
        (20, (0, 64, 128)),
        (255, (224, 224, 192)),
    ],
)
def test_palette_is_vocs(label: int, colour: tuple[int, int, int]) -> None:
    palette = voc_palette()
    assert len(palette) == 768
    assert tuple(palette[3 * label : 3 * label + 3]) == colour


def test_palette_is_that_of_a_real_label_image(real_archives) -> None:
    import io
    import tarfile

    from PIL import Image

    with tarfile.open(real_archives / "VOCtrainval_11-May-2012.tar") as tar:
        content = tar.extractfile("VOCdevkit/VOC2012/SegmentationClass/2007_000032.png").read()
    stored = bytes(Image.open(io.BytesIO(content)).getpalette())
    assert voc_palette()[: len(stored)] == stored


def test_class_map_by_hand() -> None:
    class_map = ClassMap(["chair", "aeroplane"])
    assert class_map.names == ("background", "aeroplane", "chair")
    assert class_map.num_classes == 3
    assert [int(class_map.table[label]) for label in (0, 1, 2, 9, 20, 255)] == [0, 1, 0, 2, 0, 255]
    assert [int(class_map.to_masks[label]) for label in (0, 1, 2, 255)] == [0, 1, 9, 255]
    assert class_map.table[21] == 255


def test_all_classes_map_to_themselves() -> None:
    class_map = ClassMap(VOC_CLASSES[1:])
    assert class_map.num_classes == 21
    assert class_map.table[:21].tolist() == list(range(21)) == class_map.to_masks[:21].tolist()


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (["dinningtable"], "Did you mean `diningtable`"),
        (["xyzzy"], "The classes are"),
        (["background"], "always a class"),
        (["cat", "cat"], "twice"),
        ([], "at least one"),
    ],
)
def test_wrong_class_lists_are_explained(kept: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ClassMap(kept)


def test_other_classes_than_vocs() -> None:
    class_map = ClassMap(["road", "sky"], classes=["void", "sky", "car", "road"])
    assert class_map.names == ("void", "sky", "road")
    assert (class_map.num_classes, class_map.num_labels) == (3, 4)
    assert [int(class_map.table[label]) for label in (0, 1, 2, 3, 4, 255)] == [0, 1, 0, 2, 255, 255]
    assert [int(class_map.to_masks[label]) for label in (0, 1, 2, 3)] == [0, 1, 3, 255]
    with pytest.raises(UserError, match=r"unknown class `rode`\. Did you mean `road`"):
        ClassMap(["rode"], classes=["void", "sky", "car", "road"])
