"""Effects of claims worked by hand, and verdicts from files with several seeds."""

import dataclasses

import pytest

from exfuse.reporting.claims import claim_results
from exfuse.reporting.statistics.holm import holm


def test_two_terms(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.445)
    line = results.claim("exfuse-total")
    assert (line["paper"], line["measured"], line["metric"], line["seeds"]) == ("4.0", "2.50", "miou", "1")
    assert (line["status"], line["kind"]) == ("measured", "greater")


def test_four_terms(results):
    for run, miou in {"exfuse": 0.50, "gcn-resnext101-34": 0.44, "exfuse-34": 0.46, "gcn-resnext101": 0.45}.items():
        results.run(run, miou)
    assert results.claim("fusion-enhanced")["measured"] == "3.00"  # (50 − 46) − (45 − 44)


def test_a_run_that_counts_twice(results):
    for run, miou in {"gcn-resnext101-ecre-dap-4": 0.42, "gcn-resnext101-4": 0.40, "exfuse-4": 0.47}.items():
        results.run(run, miou)
    line = results.claim("level-4-mostly-section-3-2")
    assert line["measured"] == "-3.00"  # 2 · 42 − 40 − 47: Sec 3.2 brings 2 of 7 points, less than half
    assert line["paper"] == ""


def test_error_rates_of_backbones(results):
    results.backbone("resnet50", 0.10)
    results.backbone("resnet50-ss", 0.12)
    line = results.claim("ss-not-classification")
    assert (line["measured"], line["metric"], line["margin"], line["kind"]) == ("2.00", "top1_error", "1.0", "not-less")
    assert line["condition"] == "one training of each backbone, whatever the seeds"


def test_only_that_claim_is_one_sided(results):
    assert [name for name, one in results.spec.claims.items() if one.kind == "not-less"] == ["ss-not-classification"]


def test_seeds_are_paired(seeded):
    for seed in (0, 1, 2):
        seeded.run("exfuse", 0.40 + 0.1 * seed, seed=seed)
    for seed in (1, 2):
        seeded.run("gcn-resnext101", 0.40, seed=seed)
    line = seeded.claim("exfuse-total")
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
    assert seeded.claim("exfuse-level-4")["verdict"] == "contradicted"
    line = seeded.claim("level-4-mostly-section-3-2")  # 2 · 39 − 40 − 35 = 3
    assert float(line["low"]) > 0
    assert line["verdict"] == "not distinguishable"
    assert "does not stand here" in line["why"]
    three(seeded, "exfuse-4", 0.410, 0.001, 0.0, 0.0)
    three(seeded, "gcn-resnext101-ecre-dap-4", 0.409, 0.0, 0.001, 0.0)
    assert seeded.claim("exfuse-level-4")["verdict"] in ("reproduced", "same direction")
    assert seeded.claim("level-4-mostly-section-3-2")["verdict"] in ("reproduced", "same direction")


def test_no_improvement_is_no_contradiction_of_no_improvement(seeded):
    """ "No improvements are obtained" holds the more for a loss."""
    three(seeded, "ss-lr", 0.45, 0.0, 0.0, 0.001)
    three(seeded, "ss-lr-deconv-supervised", 0.41, 0.0, 0.001, 0.0)
    assert seeded.claim("ecre-supervised-deconvolution")["verdict"] == "reproduced"


def test_seeds_that_never_meet_give_no_effect(seeded):
    seeded.run("exfuse", 0.5, seed=0)
    seeded.run("gcn-resnext101", 0.4, seed=1)
    line = seeded.claim("exfuse-total")
    assert (line["measured"], line["verdict"]) == ("", "not run")
    assert line["status"].startswith("not run")


def test_without_one_side_there_is_no_effect(results):
    results.run("exfuse", 0.47)
    line = results.claim("exfuse-total")
    assert (line["measured"], line["verdict"], line["status"]) == ("", "not run", "missing")
    assert line["why"] == "gcn-resnext101: missing."


def test_stale_side_gives_no_effect(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.4, key="old")
    assert results.claim("exfuse-total")["status"] == "stale"


def test_a_file_that_contradicts_itself_is_named(results):
    results.run("exfuse", 0.47, flip=True)
    results.run("gcn-resnext101", 0.4)
    line = results.claim("exfuse-total")
    assert line["verdict"] == "not run"
    assert "results/mini/runs/exfuse/seed0/trainaug/val.json: 'flip' is True, not False" in line["why"]


def test_quoted_claims_are_quoted(results):
    line = results.claim("over-deeplabv3-val")
    assert (line["status"], line["paper"], line["measured"], line["verdict"]) == ("quoted", "2.3", "", "")


def test_equal_models_show_no_difference_whatever_the_order_of_sums(results):
    for run in ("exfuse", "gcn-resnext101-34", "exfuse-34", "gcn-resnext101"):
        results.run(run, 0.1 + 0.2)
    assert results.claim("fusion-enhanced")["measured"] == "0.00"


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
    line = seeded.claim("exfuse-total")  # 4.0, 3.9, 4.1
    assert (line["measured"], line["low"], line["high"]) == ("4.00", "3.75", "4.25")  # ± 4.303 · 0.1 / √3
    assert (line["p"], line["p_holm"], line["verdict"]) == ("0.0002083", "0.0002083", "reproduced")
    # p of two degrees of freedom in closed form: 1 − t / √(t² + 2), t = 4 √3 / 0.1
    assert line["method"] == "Student's t over 3 seeds"
    assert line["condition"] == "given one pretraining of each backbone"


def test_three_seeds_that_agree_on_a_loss_contradict(seeded):
    three(seeded, "exfuse", 0.42, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    assert seeded.claim("exfuse-total")["verdict"] == "contradicted"


def test_equivalence_within_the_margin_reproduces(seeded):
    three(seeded, "gcn-resnext101", 0.4510, 0.0, 0.0, 0.0002)
    three(seeded, "gcn-resnext101-34", 0.4500, 0.0, 0.0003, 0.0)
    line = seeded.claim("gcn-low-levels-resnext101")
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
    alone = seeded.claim("dap")  # 1.1, 1.0, 0.7
    assert (alone["verdict"], alone["among"], alone["p_holm"]) == ("reproduced", "1", alone["p"])
    assert alone["why"].endswith(" Decided among 1 claim.")
    three(seeded, "ss-lr-seb-wide", 0.452, 0.0, 0.003, -0.004)
    three(seeded, "gcn-resnext101", 0.450, 0.0, 0.02, -0.02)
    three(seeded, "gcn-resnext101-34", 0.450, 0.01, 0.0, 0.0)
    three(seeded, "gcn-resnet101", 0.450, 0.0, 0.0, 0.01)
    among = seeded.claim("dap")
    assert (among["p"], among["verdict"], among["among"]) == (alone["p"], "same direction", "4")
    assert float(among["p_holm"]) == pytest.approx(4 * float(alone["p"]), rel=1e-3)
    assert among["why"].endswith(f", but corrected p = {float(among['p_holm']):.3g}. Decided among 4 claims.")


def test_a_claim_without_its_seeds_is_decided_among_none(seeded):
    seeded.run("exfuse", 0.50, seed=0)
    seeded.run("gcn-resnext101", 0.46, seed=0)
    line = seeded.claim("exfuse-total")
    assert line["among"] == "" and "Decided among" not in line["why"]


def test_size_stands_beside_the_verdict(seeded):
    """The paper's +0.5: forty times as much is *reproduced*, and a fifth is not; both are said."""
    three(seeded, "ss-lr", 0.30, 0.0, 0.0, 0.001)
    three(seeded, "ss-lr-ecre", 0.50, 0.0, 0.001, 0.0)
    line = seeded.claim("ecre")
    assert (line["verdict"], line["size"]) == (
        "reproduced", "larger than the paper's +0.5: our interval lies above it",
    )  # fmt: skip
    three(seeded, "ss-lr-ecre", 0.301, 0.0, 0.0, 0.0012)
    line = seeded.claim("ecre")
    assert (line["verdict"], line["size"]) == (
        "same direction", "smaller than the paper's +0.5: our interval lies below it",
    )  # fmt: skip
    three(seeded, "ss-lr-ecre", 0.305, 0.0, 0.0, 0.002)
    assert seeded.claim("ecre")["size"] == ""


def test_seeds_that_all_agree_exactly_decide_nothing(seeded):
    three(seeded, "exfuse", 0.50)
    three(seeded, "gcn-resnext101", 0.46)
    line = seeded.claim("exfuse-total")
    assert (line["measured"], line["low"], line["verdict"]) == ("4.00", "", "not distinguishable")
    assert line["why"].startswith("No interval: all 3 seeds gave the same effect")


def test_rule_of_another_confidence(seeded):
    three(seeded, "exfuse", 0.50, 0.0, 0.0, 0.001)
    three(seeded, "gcn-resnext101", 0.46, 0.0, 0.001, 0.0)
    narrow = dataclasses.replace(
        seeded.spec,
        statistics=seeded.spec.statistics.model_copy(
            update={"confidence": seeded.spec.statistics.confidence.model_copy(update={"value": 0.5})}
        ),
    )
    wide = seeded.claim("exfuse-total")
    seeded.graph.spec = narrow
    assert float(seeded.claim("exfuse-total")["low"]) > float(wide["low"])
