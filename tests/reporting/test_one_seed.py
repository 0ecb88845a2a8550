"""Effects with one seed: bootstraps over images, from counts that the evaluations left behind."""

import re

import numpy as np
import pytest

from exfuse.evaluation.confusion import mean_iou
from exfuse.evaluation.results import (
    ClassificationResult,
    SegmentationResult,
    read_confusions,
    summarize_segmentation,
    total,
    write_confusions,
    write_predictions,
)
from exfuse.files import read_json, write_json

IMAGES = 30


def with_images(results, run, seed, *, better=0.0, flip_better=0.0, names=None, **changed):
    """A run whose evaluation and whose counts by image say the same; ``better``: share of errors made good."""
    generator = np.random.default_rng(seed)
    classes = len(results.spec.classes)
    base = generator.integers(1, 60, size=(IMAGES, classes, classes))
    kinds = {}
    for flip, share in ((False, better), (True, better + flip_better)):
        counts = base - np.floor(base * share * (1 - np.eye(classes))).astype(int)
        counts[:, range(classes), range(classes)] += (base - counts).sum(axis=2)
        counts = counts.astype(np.int32)
        interior = counts // 2
        ids = names or tuple(f"image{number}" for number in range(IMAGES))
        kinds[flip] = SegmentationResult(ids, counts - interior, interior, flip)
    results.run(run, 0.5, images=IMAGES, **changed)
    job = results.graph.jobs[f"{results.graph.last_stage(run, 0)}/val"]
    for flip, one in kinds.items():
        file = job.manifest.with_name("val-flip.json" if flip else "val.json")
        write_json(file, {**read_json(file), **summarize_segmentation(one, results.spec.classes)})
    write_confusions(job.manifest.with_name("confusions.npz"), list(kinds.values()))
    results.finish(job)
    return kinds


def test_one_seed_bootstraps_its_images(results):
    best, base = (with_images(results, run, 1, better=b) for run, b in (("exfuse", 0.3), ("gcn-resnext101", 0.0)))
    line = results.claim("exfuse-total")
    effect = 100 * float(mean_iou(total(best[False].confusion)) - mean_iou(total(base[False].confusion)))
    assert float(line["measured"]) == pytest.approx(effect, abs=0.006)
    assert 0 < float(line["low"]) < effect < float(line["high"])
    assert line["method"] == f"bootstrap over {IMAGES} images, given these weights"
    assert (line["verdict"], line["p"]) == ("same direction", "")


def test_bootstrap_is_paired_by_image_and_the_same_each_time(results):
    with_images(results, "exfuse", 1, better=0.02)
    with_images(results, "gcn-resnext101", 1)
    line = results.claim("exfuse-total")
    assert float(line["high"]) - float(line["low"]) < 0.4  # unpaired it would be some points wide
    assert results.claim("exfuse-total") == line


def test_flipped_counts_are_those_of_the_flipped_evaluation(results):
    with_images(results, "exfuse-resnext131-coco", 2, flip_better=0.2)
    line = results.claim("flip")
    assert 0 < float(line["low"]) < float(line["measured"]) < float(line["high"])
    assert line["verdict"] == "same direction"


def error(results, name, wrong, number=None, names=None):
    wrong = np.array(wrong, np.int16)
    results.backbone(name, float(wrong.mean()) if number is None else number)
    ids = names or tuple(map(str, range(len(wrong))))
    target = results.graph.layout.backbone(name) / "predictions.npz"
    write_predictions(target, ClassificationResult(ids, np.zeros_like(wrong), wrong))
    results.finish(results.graph.jobs[f"backbones/{name}"])


def test_errors_of_backbones_are_paired_by_image(results):
    error(results, "resnet101", [1] * 40 + [0] * 60)
    error(results, "resnext101", [1] * 10 + [0] * 90)
    line = results.claim("resnext101-classifies-better")
    assert (line["measured"], line["verdict"]) == ("-30.00", "same direction")
    # the share of images that only one errs on is binomial: 30 ± 1.96 · √(100 · 0.3 · 0.7)
    assert float(line["low"]) == pytest.approx(-39, abs=1.5)
    assert float(line["high"]) == pytest.approx(-21, abs=1.5)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read"),
        (lambda path: np.savez(path, names=np.array(["a"])), "cannot be read|does not hold the counts"),
        (lambda path: write_confusions(path, [counts(1)]), "cannot be read|does not hold the counts"),
        (lambda path: write_confusions(path, [counts(2)]), "gives .* the evaluation"),
        (lambda path: of_other_images(path), "contradictory: .* is not the file that its manifest describes"),
    ],
)
def test_counts_that_are_in_the_way_are_named_in_place_of_an_interval(results, damage, said):
    with_images(results, "exfuse", 1, better=0.3)
    with_images(results, "gcn-resnext101", 1)
    damage(results.graph.layout.stage("exfuse", 0, "trainaug") / "confusions.npz")
    line = results.claim("exfuse-total")
    assert (line["low"], line["verdict"]) == ("", "not distinguishable")
    assert line["measured"] != ""
    assert re.search(said, line["why"]), line["why"]


def of_other_images(path):
    """The same counts in another order: their sum, and so the mIoU, is the same."""
    rolled = [
        SegmentationResult(one.images, np.roll(one.boundary, 1, axis=0), np.roll(one.interior, 1, axis=0), one.flip)
        for one in read_confusions(path)
    ]
    write_confusions(path, rolled)


def counts(dimensions):
    shape = {1: (IMAGES, 5), 2: (IMAGES, 5, 5)}[dimensions]
    ones = np.ones(shape, np.int32)
    return SegmentationResult(tuple(map(str, range(IMAGES))), ones, ones, False)


def test_other_images_cannot_be_paired(results):
    with_images(results, "exfuse", 1, better=0.3)
    with_images(results, "gcn-resnext101", 1, names=tuple(f"other{number}" for number in range(IMAGES)))
    assert "not of the same images" in results.claim("exfuse-total")["why"]
    error(results, "resnet101", [1, 0, 0], names=("a", "b", "c"))
    error(results, "resnext101", [0, 0, 0], names=("a", "b", "d"))
    assert "not of the same images" in results.claim("resnext101-classifies-better")["why"]


def test_one_image_is_no_sample(results):
    error(results, "resnet101", [1])
    error(results, "resnext101", [0])
    line = results.claim("resnext101-classifies-better")
    assert (line["low"], line["verdict"]) == ("", "not distinguishable")
