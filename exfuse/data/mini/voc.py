"""VOC 2012's trainval and test tars: JPEG pictures, palette PNG labels with void lines, lists of ids."""

from collections.abc import Iterable

from exfuse.data.mini.containers import Member, palette_png, tarred
from exfuse.data.mini.photographs import Photograph, Photographs
from exfuse.data.mini.scenes import with_void

TRAINVAL_ARCHIVE = "VOCtrainval_11-May-2012.tar"
TEST_ARCHIVE = "VOC2012test.tar"
ROOT = "VOCdevkit/VOC2012"


def id_list(photographs: Iterable[Photograph]) -> bytes:
    """A list of ids, one a line."""
    return "".join(f"{photograph.name}\n" for photograph in photographs).encode()


def _folders(*names: str) -> list[Member]:
    return [(f"{name}/", b"") for name in ("VOCdevkit", ROOT, *(f"{ROOT}/{name}" for name in names))]


def trainval_archive(photographs: Photographs) -> bytes:
    """``VOCtrainval_11-May-2012.tar``; as in the original, many of its pictures are not labelled."""
    labelled = sorted([*photographs.voc_train, *photographs.voc_val], key=lambda photograph: photograph.name)
    pictures = {photograph.name: photograph for photograph in [*labelled, *photographs.sbd]}
    members = _folders("ImageSets", "ImageSets/Segmentation", "JPEGImages", "SegmentationClass", "SegmentationObject")
    for split, listed in (("train", photographs.voc_train), ("trainval", labelled), ("val", photographs.voc_val)):
        members.append((f"{ROOT}/ImageSets/Segmentation/{split}.txt", id_list(listed)))
    for name in sorted(pictures):
        members.append((f"{ROOT}/JPEGImages/{name}.jpg", pictures[name].content))
    for photograph in labelled:
        scene = photograph.scene
        for folder, values in (("SegmentationClass", scene.labels()), ("SegmentationObject", scene.objects())):
            members.append((f"{ROOT}/{folder}/{photograph.name}.png", palette_png(with_void(values, scene))))
    return tarred(members)


def test_archive(photographs: Photographs) -> bytes:
    """``VOC2012test.tar``: pictures and their list; the labels are the test server's secret."""
    members = _folders("ImageSets", "ImageSets/Segmentation", "JPEGImages")
    members.append((f"{ROOT}/ImageSets/Segmentation/test.txt", id_list(photographs.voc_test)))
    members += [(f"{ROOT}/JPEGImages/{p.name}.jpg", p.content) for p in photographs.voc_test]
    return tarred(members)
