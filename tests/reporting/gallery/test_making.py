"""What the gallery's file says: scores, masks whose labels survive, the same bytes twice."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from exfuse.evaluation.confusion import mean_iou
from exfuse.reporting.gallery.content import Gallery
from exfuse.reporting.gallery.making import make, write_gallery
from exfuse.reporting.gallery.pictures import mask_url, photograph_url
from tests.reporting.gallery.scenes import CLASSES, halves


def labels_of(url: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        assert image.mode == "L"
        return np.array(image)


def test_scores_are_those_of_the_image_by_hand(scene):
    # truth: half background, half cat. GCN: all background. ExFuse: one column of the cat taken for a car.
    exfuse = halves(0, 8)
    exfuse[:, 9] = 7
    scene.image("one", halves(0, 8), halves(0, 0), exfuse)
    scene.image("empty", halves(0, 0), halves(0, 8), halves(0, 0))
    scene.write()
    gallery = make(scene.graph)
    assert (gallery.scored, gallery.without_objects, gallery.problems) == (1, 1, ())
    (one,) = gallery.pictures
    assert one.gcn == pytest.approx((0.5 + 0) / 2)  # background 50 of 100, cat 0
    assert one.exfuse == pytest.approx((1 + 40 / 50) / 2)  # the car is no class of this image
    assert {c.label: (c.truth, c.gcn, c.exfuse) for c in one.classes} == {
        0: (0.5, 0.5, 1.0), 8: (0.5, 0.0, 0.8), 7: (0.0, None, None),
    }  # fmt: skip
    assert [c.exfuse_share for c in one.classes] == [0.5, 0.1, 0.4]
    assert one.problems == {}


def test_something_painted_on_background_lowers_the_score(scene):
    painted = halves(0, 8)
    painted[:, 0] = 2
    scene.image("one", halves(0, 8), halves(0, 8), painted)
    scene.write()
    (one,) = make(scene.graph).pictures
    assert one.exfuse == pytest.approx((40 / 50 + 1) / 2)


def test_score_is_the_papers_measure_on_one_image(scene):
    generator = np.random.default_rng(0)
    truth, gcn, exfuse = (generator.choice(CLASSES, (12, 9)).astype(np.uint8) for _ in range(3))
    scene.image("one", truth, gcn, exfuse)
    scene.write()
    (one,) = make(scene.graph).pictures
    places = {label: place for place, label in enumerate(CLASSES)}
    counts = np.zeros((5, 5), int)
    for t, p in zip(truth.ravel(), exfuse.ravel(), strict=True):
        counts[places[t], places[p]] += 1
    assert one.exfuse == pytest.approx(float(mean_iou(counts)))


def test_labels_survive_and_classes_that_are_not_kept_are_background(scene):
    truth = halves(15, 9)  # person is not kept by `mini`
    truth[0, :] = 255
    scene.image("one", truth, halves(0, 9), halves(7, 9))
    scene.write()
    (one,) = make(scene.graph).pictures
    expected = halves(0, 9)
    expected[0, :] = 255
    assert (labels_of(one.truth) == expected).all()
    assert (labels_of(one.exfuse_mask) == halves(7, 9)).all()
    assert (one.width, one.height) == (10, 10)
    assert {entry.name: entry.label for entry in make(scene.graph).palette}["void"] == 255


def test_large_pictures_are_made_smaller_without_new_labels():
    labels = np.zeros((375, 500), np.uint8)
    labels[100:200, 100:400] = 9
    labels[99, 100:400] = 255
    small = labels_of(mask_url(labels))
    assert small.shape == (300, 400)
    assert set(np.unique(small)) <= {0, 9, 255}
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 255, (375, 500, 3), dtype=np.uint8))
    with Image.open(io.BytesIO(base64.b64decode(photograph_url(noise).partition(",")[2]))) as photograph:
        assert photograph.size == (400, 300)


def test_same_bytes_twice(scene):
    scene.image("one", halves(0, 8), halves(0, 9), halves(0, 8))
    scene.write()
    write_gallery(scene.graph)
    first = scene.graph.layout.gallery.read_bytes()
    write_gallery(scene.graph)
    assert scene.graph.layout.gallery.read_bytes() == first
    assert Gallery.model_validate_json(first) == make(scene.graph)
