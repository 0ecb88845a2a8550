"""Bad archives given to `exfuse data prepare`: one message, and what was prepared before stays."""

import tarfile

import pytest

from benchmarks.contents import mat, png
from tests.data import damage
from tests.data.damage import COCO_JSON, COCO_TRAIN, DEVKIT, IMAGENET_TRAIN, IMAGENET_VAL, SBD, VOC
from tests.data.publishers import labels, square
from tests.data.working_copy import Copy, assert_refused, call

BAD_ARCHIVES = [
    # VOC: an uncompressed tar
    ("voc", VOC, damage.cut(0.4), ["cut short"]),
    ("voc", VOC, lambda members, pack: b"<html>not found</html>" * 99, ["damaged"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, None), ["SegmentationClass/2007_a.png", "absent"]),
    ("voc", VOC, damage.put(damage.VOC_IMAGE, b""), ["JPEGImages/2007_a.jpg", "empty"]),
    ("voc", VOC, damage.twice(damage.VOC_IMAGE), ["JPEGImages/2007_a.jpg", "twice"]),
    ("voc", VOC, damage.put(damage.VOC_LIST, b"2007_a\n2007_x\n"), ["2007_x.jpg", "absent", "train.txt"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, png(labels(16, 12, 21))), ["2007_a.png", "the label 21"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, png(labels(16, 12, 254))), ["2007_a.png", "the label 254"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, png(labels(16, 12, 3), "RGB")), ["2007_a.png", "RGB"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, png(labels(12, 16, 3))), ["2007_a.png", "12×16", "16×12"]),
    ("voc", VOC, damage.put(damage.VOC_MASK, damage.huge_png()), ["2007_a.png", "pixels"]),
    ("voc", VOC, damage.put(damage.VOC_IMAGE, damage.huge_jpeg()), ["2007_a.jpg", "pixels"]),
    ("voc", VOC, damage.put(damage.VOC_IMAGE, damage.photo(16, 12)[:-100]), ["2007_a.jpg", "cut short"]),
    ("voc", VOC, damage.special("/etc/cron.d/job", tarfile.REGTYPE), ["/etc/cron.d/job", "refused"]),
    ("voc", VOC, damage.special("VOCdevkit/../../up", tarfile.REGTYPE), ["VOCdevkit/../../up", "refused"]),
    ("voc", VOC, damage.special("soft", tarfile.SYMTYPE), ["soft", "refused"]),
    ("voc", VOC, damage.special("hard", tarfile.LNKTYPE), ["hard", "refused"]),
    ("voc", VOC, damage.special("char", tarfile.CHRTYPE), ["char", "refused"]),
    ("voc", VOC, damage.special("block", tarfile.BLKTYPE), ["block", "refused"]),
    ("voc", VOC, damage.special("pipe", tarfile.FIFOTYPE), ["pipe", "refused"]),
    # SBD: a tgz that is read as a stream
    ("sbd", SBD, damage.cut(0.6), ["cut short"]),
    ("sbd", SBD, damage.cut(0.999), ["cut short"]),
    ("sbd", SBD, damage.put(damage.SBD_MAT, None), ["cls/a.mat", "absent", "train.txt"]),
    ("sbd", SBD, damage.put(damage.SBD_IMAGE, b""), ["img/a.jpg", "empty"]),
    ("sbd", SBD, damage.twice(damage.SBD_IMAGE), ["img/a.jpg", "twice"]),
    ("sbd", SBD, damage.put(damage.SBD_MAT, damage.BROKEN_MAT), ["cls/a.mat", "damaged"]),
    ("sbd", SBD, damage.put(damage.SBD_MAT, mat(GTinst=1)), ["cls/a.mat", "GTcls"]),
    ("sbd", SBD, damage.put(damage.SBD_MAT, mat(GTcls={"Segmentation": labels(12, 16)})), ["cls/a.mat", "12×16"]),
    ("sbd", SBD, damage.put(damage.SBD_MAT, mat(GTcls={"Segmentation": labels(16, 12, 21)})), ["a.mat", "label 21"]),
    ("sbd", SBD, damage.put("benchmark_RELEASE/junk.bin", damage.zeros()), ["junk.bin", "more than"]),
    ("sbd", SBD, damage.put(damage.SBD_IMAGE, damage.huge_jpeg()), ["img/a.jpg", "pixels"]),
    ("sbd", SBD, damage.put(damage.SBD_IMAGE, damage.photo(16, 12)[:-100]), ["img/a.jpg", "cut short"]),
    ("sbd", SBD, damage.special("/etc/passwd", tarfile.REGTYPE), ["/etc/passwd", "refused"]),
    ("sbd", SBD, damage.special("benchmark_RELEASE/dataset/img/a2.jpg", tarfile.SYMTYPE), ["a2.jpg", "refused"]),
    ("sbd", SBD, damage.special("pipe", tarfile.FIFOTYPE), ["pipe", "refused"]),
    # COCO: zips
    ("coco", COCO_TRAIN, damage.cut(0.6), ["damaged"]),
    ("coco", COCO_JSON, damage.cut(0.9), ["damaged"]),
    ("coco", COCO_TRAIN, damage.put(damage.coco_photo(7), None), ["000000000007.jpg", "absent", "instances_train2014"]),
    ("coco", COCO_TRAIN, damage.put(damage.coco_photo(7), b""), ["000000000007.jpg", "empty"]),
    ("coco", COCO_TRAIN, damage.twice(damage.coco_photo(7)), ["000000000007.jpg", "twice"]),
    ("coco", COCO_TRAIN, damage.put(damage.coco_photo(7), damage.zeros()), ["000000000007.jpg", "more than"]),
    ("coco", COCO_TRAIN, damage.lying_size(damage.coco_photo(7), 50), ["000000000007.jpg"]),
    ("coco", COCO_TRAIN, damage.put(damage.coco_photo(7), damage.huge_jpeg()), ["000000000007.jpg", "pixels"]),
    ("coco", COCO_TRAIN, damage.put(damage.coco_photo(7), damage.photo(16, 16)[:-100]), ["000007.jpg", "cut short"]),
    ("coco", COCO_TRAIN, damage.put("/etc/passwd", b"x"), ["/etc/passwd", "refused"]),
    ("coco", COCO_TRAIN, damage.put("train2014/../../up", b"x"), ["train2014/../../up", "refused"]),
    ("coco", COCO_TRAIN, damage.zip_link("train2014/soft"), ["soft", "refused"]),
    ("coco", COCO_JSON, damage.lying_size(damage.COCO_INSTANCES, 3 << 30), ["instances_train2014.json", "more than"]),
    ("coco", COCO_JSON, damage.put(damage.COCO_INSTANCES, None), ["instances_train2014.json", "absent"]),
    ("coco", COCO_JSON, damage.annotation_with(category_id=99), ["instances_train2014.json", "8", "category 99"]),
    ("coco", COCO_JSON, damage.annotation_with(image_id=77), ["instances_train2014.json", "8", "image 77"]),
    (
        "coco",
        COCO_JSON,
        damage.annotation_with(segmentation=[[0, 0, 4, 4]]),
        ["instances_train2014.json", "8", "polygon"],
    ),
    ("coco", COCO_JSON, damage.annotation_with(segmentation=[["x"]]), ["instances_train2014.json", "8", "broken"]),
    ("coco", COCO_JSON, damage.annotation_with(segmentation=[square(900, 900, 4)]), ["train2014.json", "8", "outside"]),
    # ImageNet: tars in a tar
    ("imagenet", IMAGENET_TRAIN, damage.cut(0.6), ["cut short"]),
    ("imagenet", IMAGENET_TRAIN, damage.put("n00000010.tar", b"no tar" * 300), ["n00000010.tar", "damaged"]),
    ("imagenet", IMAGENET_TRAIN, damage.put("n00000077.tar", b"x" * 9), ["n00000077.tar", "no tar of one of"]),
    ("imagenet", IMAGENET_TRAIN, damage.put("n00000010.tar", None), ["2", "3"]),
    ("imagenet", IMAGENET_VAL, damage.put("ILSVRC2012_val_00000002.JPEG", b""), ["val_00000002.JPEG", "empty"]),
    ("imagenet", IMAGENET_VAL, damage.put("ILSVRC2012_val_00000002.JPEG", None), ["holds 1 images", "2 lines"]),
    ("imagenet", IMAGENET_VAL, damage.special("soft", tarfile.SYMTYPE), ["soft", "refused"]),
    ("imagenet", DEVKIT, damage.cut(0.6), ["cut short"]),
]


@pytest.mark.parametrize(
    ("publisher", "archive", "how", "words"), BAD_ARCHIVES, ids=[f"{case[1]} {case[3][-1]}" for case in BAD_ARCHIVES]
)
def test_a_bad_archive_is_one_message_and_spoils_nothing(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    publisher: str, archive: str, how: damage.Damage, words: list[str],
) -> None:  # fmt: skip
    before = copy.prepared(publisher)
    copy.spoil(archive, how)
    assert_refused(call(publisher, monkeypatch, capsys), archive, *words)
    assert copy.prepared(publisher) == before
    assert copy.others() in ([], [f".{publisher}.partial"])
