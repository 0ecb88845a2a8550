"""Effects of claims worked by hand, and verdicts from files: seeds, images, and what is in the way of both."""

import dataclasses
import re

import numpy as np
import pytest

from exfuse.evaluation.confusion import mean_iou
from exfuse.evaluation.results import (
    ClassificationResult,
    SegmentationResult,
    summarize_segmentation,
    total,
    write_confusions,
    write_predictions,
)
from exfuse.files import read_csv, read_json, write_json
from exfuse.reporting.claims import claim_results, write_claims
from exfuse.reporting.statistics.holm import holm

IMAGES = 30


def claim(results, name):
    write_claims(results.graph)
    return next(line for line in read_csv(results.graph.layout.claims) if line["claim"] == name)


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


def test_two_terms(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.445)
    line = claim(results, "exfuse-total")
    assert (line["paper"], line["measured"], line["metric"], line["seeds"]) == ("4.0", "2.50", "miou", "1")
    assert (line["status"], line["kind"]) == ("measured", "greater")


def test_four_terms(results):
    for run, miou in {"exfuse": 0.50, "gcn-resnext101-34": 0.44, "exfuse-34": 0.46, "gcn-resnext101": 0.45}.items():
        results.run(run, miou)
    assert claim(results, "fusion-enhanced")["measured"] == "3.00"  # (50 − 46) − (45 − 44)


def test_a_run_that_counts_twice(results):
    for run, miou in {"gcn-resnext101-ecre-dap-4": 0.42, "gcn-resnext101-4": 0.40, "exfuse-4": 0.47}.items():
        results.run(run, miou)
    line = claim(results, "level-4-mostly-section-3-2")
    assert line["measured"] == "-3.00"  # 2 · 42 − 40 − 47: Sec 3.2 brings 2 of 7 points, less than half
    assert line["paper"] == ""


def test_error_rates_of_backbones(results):
    results.backbone("resnet50", 0.10)
    results.backbone("resnet50-ss", 0.12)
    line = claim(results, "ss-not-classification")
    assert (line["measured"], line["metric"], line["margin"], line["kind"]) == ("2.00", "top1_error", "1.0", "not-less")
    assert line["condition"] == "one training of each backbone, whatever the seeds"


def test_only_that_claim_is_one_sided(results):
    assert [name for name, one in results.spec.claims.items() if one.kind == "not-less"] == ["ss-not-classification"]


def test_seeds_are_paired(seeded):
    for seed in (0, 1, 2):
        seeded.run("exfuse", 0.40 + 0.1 * seed, seed=seed)
    for seed in (1, 2):
        seeded.run("gcn-resnext101", 0.40, seed=seed)
    line = claim(seeded, "exfuse-total")
    assert (line["measured"], line["seeds"]) == ("15.00", "2")  # (10 + 20) / 2; seed 0 has no partner
    # a deviation of √50, two seeds: 12.706 · √50 / √2 = 63.53
    assert (line["low"], line["high"], line["p"]) == ("-48.53", "78.53", "")
    assert line["verdict"] == "not distinguishable"


def test_what_keeps_a_seed_out_is_named(seeded):
    for seed in (0, 1, 2):
        seeded.run("exfuse", 0.5, seed=seed)
        seeded.run("gcn-resnext101", 0.4, seed=seed)
    (seeded.graph.layout.stage("exfuse", 1, "trainaug") / "val.json").write_text("{")
    result = next(one for one in claim_results(seeded.graph) if one.name == "exfuse-total")
    assert len(result.effects) == 2
    assert result.lacking == "exfuse: results/mini/runs/exfuse/seed1/trainaug/val.json cannot be read"


def test_a_share_of_an_improvement_needs_an_improvement(seeded):
    """Parts that lose a point do not contribute most to a model that loses five."""
    three(seeded, "gcn-resnext101-4", 0.400, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101-ecre-dap-4", 0.390, 0.0, 0.001, 0.0)
    three(seeded, "exfuse-4", 0.350, 0.001, 0.0, 0.0)
    assert claim(seeded, "exfuse-level-4")["verdict"] == "contradicted"
    line = claim(seeded, "level-4-mostly-section-3-2")  # 2 · 39 − 40 − 35 = 3
    assert float(line["low"]) > 0
    assert line["verdict"] == "not distinguishable"
    assert "does not stand here" in line["why"]
    three(seeded, "exfuse-4", 0.410, 0.001, 0.0, 0.0)
    three(seeded, "gcn-resnext101-ecre-dap-4", 0.409, 0.0, 0.001, 0.0)
    assert claim(seeded, "exfuse-level-4")["verdict"] in ("reproduced", "same direction")
    assert claim(seeded, "level-4-mostly-section-3-2")["verdict"] in ("reproduced", "same direction")


def test_no_improvement_is_no_contradiction_of_no_improvement(seeded):
    """ "No improvements are obtained" holds the more for a loss."""
    three(seeded, "ss-lr", 0.45, 0.0, 0.0, 0.001)
    three(seeded, "ss-lr-deconv-supervised", 0.41, 0.0, 0.001, 0.0)
    assert claim(seeded, "ecre-supervised-deconvolution")["verdict"] == "reproduced"


def test_seeds_that_never_meet_give_no_effect(seeded):
    seeded.run("exfuse", 0.5, seed=0)
    seeded.run("gcn-resnext101", 0.4, seed=1)
    line = claim(seeded, "exfuse-total")
    assert (line["measured"], line["verdict"]) == ("", "not run")
    assert line["status"].startswith("not run")


def test_without_one_side_there_is_no_effect(results):
    results.run("exfuse", 0.47)
    line = claim(results, "exfuse-total")
    assert (line["measured"], line["verdict"], line["status"]) == ("", "not run", "missing")
    assert line["why"] == "gcn-resnext101: missing."


def test_stale_side_gives_no_effect(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.4, key="old")
    assert claim(results, "exfuse-total")["status"] == "stale"


def test_a_file_that_contradicts_itself_is_named(results):
    results.run("exfuse", 0.47, flip=True)
    results.run("gcn-resnext101", 0.4)
    line = claim(results, "exfuse-total")
    assert line["verdict"] == "not run"
    assert "results/mini/runs/exfuse/seed0/trainaug/val.json: 'flip' is True, not False" in line["why"]


def test_quoted_claims_are_quoted(results):
    line = claim(results, "over-deeplabv3-val")
    assert (line["status"], line["paper"], line["measured"], line["verdict"]) == ("quoted", "2.3", "", "")


def test_equal_models_show_no_difference_whatever_the_order_of_sums(results):
    for run in ("exfuse", "gcn-resnext101-34", "exfuse-34", "gcn-resnext101"):
        results.run(run, 0.1 + 0.2)
    assert claim(results, "fusion-enhanced")["measured"] == "0.00"


def test_models_of_unequal_training_are_named(results):
    """`mini` trains wide decoders for fewer steps; a claim that compares them with narrow ones says so."""
    for run in ("ss-lr-seb-dap", "ss-lr-seb", "ss-lr", "exfuse-resnext131", "exfuse-resnext131-coco"):
        results.run(run, 0.5)
    steps = {result.name: result.steps for result in claim_results(results.graph)}
    assert steps["dap"] == "ss-lr-seb-dap 200, ss-lr-seb 400"
    assert steps["seb"] == ""
    assert steps["coco"] == ""


def three(seeded, run, base, *shifts):
    for seed, shift in enumerate(shifts or (-0.001, 0.0, 0.001)):
        seeded.run(run, base + shift, seed=seed)


def test_three_seeds_that_agree_reproduce(seeded):
    three(seeded, "exfuse", 0.50, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    line = claim(seeded, "exfuse-total")  # 4.0, 3.9, 4.1
    assert (line["measured"], line["low"], line["high"]) == ("4.00", "3.75", "4.25")  # ± 4.303 · 0.1 / √3
    assert (line["p"], line["p_holm"], line["verdict"]) == ("0.0002083", "0.0002083", "reproduced")
    # p of two degrees of freedom in closed form: 1 − t / √(t² + 2), t = 4 √3 / 0.1
    assert line["method"] == "Student's t over 3 seeds"
    assert line["condition"] == "given one pretraining of each backbone"


def test_three_seeds_that_agree_on_a_loss_contradict(seeded):
    three(seeded, "exfuse", 0.42, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    assert claim(seeded, "exfuse-total")["verdict"] == "contradicted"


def test_equivalence_within_the_margin_reproduces(seeded):
    three(seeded, "gcn-resnext101", 0.4510, 0.0, 0.0, 0.0002)
    three(seeded, "gcn-resnext101-34", 0.4500, 0.0, 0.0003, 0.0)
    line = claim(seeded, "gcn-low-levels-resnext101")
    assert (line["verdict"], line["condition"]) == ("reproduced", "")
    assert float(line["high"]) < 0.5


def test_every_claim_with_seeds_counts_in_the_correction(seeded):
    three(seeded, "exfuse", 0.50, 0.0, 0.0, 0.004)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.004, 0.0)
    three(seeded, "ss", 0.466, 0.0, 0.001, 0.004)
    three(seeded, "ss-tail", 0.465, 0.0, 0.0, 0.003)
    seeded.run("ss-lr", 0.48, seed=0)  # one seed: no test, so it costs nothing
    results = {result.name: result for result in claim_results(seeded.graph)}
    tested = {name: result.p for name, result in results.items() if result.p is not None}
    assert set(tested) == {
        "exfuse-total", "ss-resnext101-tail", "ss-second-convolution", "ss-second-convolution-over-tail",
    }  # fmt: skip
    assert {name: results[name].p_holm for name in tested} == holm(tested)
    assert results["exfuse-total"].p_holm == pytest.approx(4 * results["exfuse-total"].p)


def test_a_verdict_may_change_when_other_claims_get_their_seeds(seeded):
    """The same effects decide a claim alone, and no more when Holm multiplies their p-value by four."""
    three(seeded, "ss-lr-seb", 0.450, 0.0, 0.0, 0.003)
    three(seeded, "ss-lr-seb-dap", 0.460, 0.001, 0.0, 0.0)
    alone = claim(seeded, "dap")  # 1.1, 1.0, 0.7
    assert (alone["verdict"], alone["among"], alone["p_holm"]) == ("reproduced", "1", alone["p"])
    assert alone["why"].endswith(" Decided among 1 claim.")
    three(seeded, "ss-lr-seb-wide", 0.452, 0.0, 0.003, -0.004)
    three(seeded, "gcn-resnext101", 0.450, 0.0, 0.02, -0.02)
    three(seeded, "gcn-resnext101-34", 0.450, 0.01, 0.0, 0.0)
    three(seeded, "gcn-resnet101", 0.450, 0.0, 0.0, 0.01)
    among = claim(seeded, "dap")
    assert (among["p"], among["verdict"], among["among"]) == (alone["p"], "same direction", "4")
    assert float(among["p_holm"]) == pytest.approx(4 * float(alone["p"]), rel=1e-3)
    assert among["why"].endswith(f", but corrected p = {float(among['p_holm']):.3g}. Decided among 4 claims.")


def test_a_claim_without_its_seeds_is_decided_among_none(seeded):
    seeded.run("exfuse", 0.50, seed=0)
    seeded.run("gcn-resnext101", 0.46, seed=0)
    line = claim(seeded, "exfuse-total")
    assert line["among"] == "" and "Decided among" not in line["why"]


def test_size_stands_beside_the_verdict(seeded):
    """The paper's +0.5: forty times as much is *reproduced*, and a fifth is not; both are said."""
    three(seeded, "ss-lr", 0.30, 0.0, 0.0, 0.001)
    three(seeded, "ss-lr-ecre", 0.50, 0.0, 0.001, 0.0)
    line = claim(seeded, "ecre")
    assert (line["verdict"], line["size"]) == (
        "reproduced", "larger than the paper's +0.5: our interval lies above it",
    )  # fmt: skip
    three(seeded, "ss-lr-ecre", 0.301, 0.0, 0.0, 0.0012)
    line = claim(seeded, "ecre")
    assert (line["verdict"], line["size"]) == (
        "same direction", "smaller than the paper's +0.5: our interval lies below it",
    )  # fmt: skip
    three(seeded, "ss-lr-ecre", 0.305, 0.0, 0.0, 0.002)
    assert claim(seeded, "ecre")["size"] == ""


def test_seeds_that_all_agree_exactly_decide_nothing(seeded):
    three(seeded, "exfuse", 0.50)
    three(seeded, "gcn-resnext101", 0.46)
    line = claim(seeded, "exfuse-total")
    assert (line["measured"], line["low"], line["verdict"]) == ("4.00", "", "not distinguishable")
    assert line["why"].startswith("No interval: all 3 seeds gave the same effect")


def test_one_seed_bootstraps_its_images(results):
    best, base = (with_images(results, run, 1, better=b) for run, b in (("exfuse", 0.3), ("gcn-resnext101", 0.0)))
    line = claim(results, "exfuse-total")
    effect = 100 * float(mean_iou(total(best[False].confusion)) - mean_iou(total(base[False].confusion)))
    assert float(line["measured"]) == pytest.approx(effect, abs=0.006)
    assert 0 < float(line["low"]) < effect < float(line["high"])
    assert line["method"] == f"bootstrap over {IMAGES} images, given these weights"
    assert (line["verdict"], line["p"]) == ("same direction", "")


def test_bootstrap_is_paired_by_image_and_the_same_each_time(results):
    with_images(results, "exfuse", 1, better=0.02)
    with_images(results, "gcn-resnext101", 1)
    line = claim(results, "exfuse-total")
    assert float(line["high"]) - float(line["low"]) < 0.4  # unpaired it would be some points wide
    assert claim(results, "exfuse-total") == line


def test_flipped_counts_are_those_of_the_flipped_evaluation(results):
    with_images(results, "exfuse-resnext131-coco", 2, flip_better=0.2)
    line = claim(results, "flip")
    assert 0 < float(line["low"]) < float(line["measured"]) < float(line["high"])
    assert line["verdict"] == "same direction"


def error(results, name, wrong, number=None, names=None):
    wrong = np.array(wrong, np.int16)
    results.backbone(name, float(wrong.mean()) if number is None else number)
    ids = names or tuple(map(str, range(len(wrong))))
    target = results.graph.layout.backbone(name) / "predictions.npz"
    write_predictions(target, ClassificationResult(ids, np.zeros_like(wrong), wrong))


def test_errors_of_backbones_are_paired_by_image(results):
    error(results, "resnet101", [1] * 40 + [0] * 60)
    error(results, "resnext101", [1] * 10 + [0] * 90)
    line = claim(results, "resnext101-classifies-better")
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
        (lambda path: write_confusions(path, [counts(1)]), "does not hold the counts"),
        (lambda path: write_confusions(path, [counts(2)]), "gives .* the evaluation"),
    ],
)
def test_counts_that_are_in_the_way_are_named_in_place_of_an_interval(results, damage, said):
    with_images(results, "exfuse", 1, better=0.3)
    with_images(results, "gcn-resnext101", 1)
    damage(results.graph.layout.stage("exfuse", 0, "trainaug") / "confusions.npz")
    line = claim(results, "exfuse-total")
    assert (line["low"], line["verdict"]) == ("", "not distinguishable")
    assert line["measured"] != ""
    assert re.search(said, line["why"]), line["why"]


def counts(dimensions):
    shape = {1: (IMAGES, 5), 2: (IMAGES, 5, 5)}[dimensions]
    ones = np.ones(shape, np.int32)
    return SegmentationResult(tuple(map(str, range(IMAGES))), ones, ones, False)


def test_other_images_cannot_be_paired(results):
    with_images(results, "exfuse", 1, better=0.3)
    with_images(results, "gcn-resnext101", 1, names=tuple(f"other{number}" for number in range(IMAGES)))
    assert "not of the same images" in claim(results, "exfuse-total")["why"]
    error(results, "resnet101", [1, 0, 0], names=("a", "b", "c"))
    error(results, "resnext101", [0, 0, 0], names=("a", "b", "d"))
    assert "not of the same images" in claim(results, "resnext101-classifies-better")["why"]


def test_one_image_is_no_sample(results):
    error(results, "resnet101", [1])
    error(results, "resnext101", [0])
    line = claim(results, "resnext101-classifies-better")
    assert (line["low"], line["verdict"]) == ("", "not distinguishable")


def test_rule_of_another_confidence(seeded):
    three(seeded, "exfuse", 0.50, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    narrow = dataclasses.replace(
        seeded.spec,
        statistics=seeded.spec.statistics.model_copy(
            update={"confidence": seeded.spec.statistics.confidence.model_copy(update={"value": 0.5})}
        ),
    )
    wide = claim(seeded, "exfuse-total")
    seeded.graph.spec = narrow
    assert float(claim(seeded, "exfuse-total")["low"]) > float(wide["low"])
