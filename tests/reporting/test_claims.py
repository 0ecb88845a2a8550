"""Effects of claims worked by hand, and outcomes at their edges."""

import pytest

from exfuse.files import read_csv
from exfuse.reporting.claims import claim_results, outcome, write_claims
from exfuse.spec.paper import Claim, Measure


def claim(results, name):
    write_claims(results.graph)
    return next(line for line in read_csv(results.graph.layout.claims) if line["claim"] == name)


def declared(kind, margin=None):
    sides = {"plus": (Measure(run="a"),), "minus": (Measure(run="b"),)}
    why = "because" if margin else ""
    return Claim(text="t", source="s", kind=kind, paper=1.0, margin=margin, why_margin=why, **sides)


def test_two_terms(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.445)
    line = claim(results, "exfuse-total")
    assert (line["paper"], line["measured"], line["metric"], line["seeds"]) == ("4.0", "2.50", "miou", "1")
    assert (line["outcome"], line["status"], line["kind"]) == ("same sign", "measured", "greater")


def test_four_terms(results):
    for run, miou in {"exfuse": 0.50, "gcn-resnext101-34": 0.44, "exfuse-34": 0.46, "gcn-resnext101": 0.45}.items():
        results.run(run, miou)
    line = claim(results, "fusion-enhanced")
    assert line["measured"] == "3.00"  # (50 − 46) − (45 − 44)
    assert line["outcome"] == "same sign"


def test_a_run_that_counts_twice(results):
    for run, miou in {"gcn-resnext101-ecre-dap-4": 0.42, "gcn-resnext101-4": 0.40, "exfuse-4": 0.47}.items():
        results.run(run, miou)
    line = claim(results, "level-4-mostly-section-3-2")
    assert line["measured"] == "-3.00"  # 2 · 42 − 40 − 47: Sec 3.2 brings 2 of 7 points, less than half
    assert (line["outcome"], line["paper"]) == ("opposite sign", "")


def test_error_rates_of_backbones(results):
    results.backbone("resnet50", 0.10)
    results.backbone("resnet50-ss", 0.12)
    line = claim(results, "ss-not-classification")
    assert (line["measured"], line["metric"], line["margin"]) == ("2.00", "top1_error", "1.0")
    assert (line["kind"], line["outcome"]) == ("not-less", "within the margin")  # "or even harms"


def test_supervision_that_helps_classification_contradicts_the_claim(results):
    results.backbone("resnet50", 0.12)
    results.backbone("resnet50-ss", 0.10)
    line = claim(results, "ss-not-classification")
    assert (line["measured"], line["outcome"]) == ("-2.00", "outside the margin")


def test_only_that_claim_is_one_sided(results):
    assert [name for name, one in results.spec.claims.items() if one.kind == "not-less"] == ["ss-not-classification"]


def test_seeds_are_paired(seeded):
    for seed in (0, 1, 2):
        seeded.run("exfuse", 0.40 + 0.1 * seed, seed=seed)
    for seed in (1, 2):
        seeded.run("gcn-resnext101", 0.40, seed=seed)
    line = claim(seeded, "exfuse-total")
    assert (line["measured"], line["seeds"]) == ("15.00", "2")  # (10 + 20) / 2; seed 0 has no partner


def test_seeds_that_never_meet_give_no_effect(seeded):
    seeded.run("exfuse", 0.5, seed=0)
    seeded.run("gcn-resnext101", 0.4, seed=1)
    line = claim(seeded, "exfuse-total")
    assert (line["measured"], line["outcome"]) == ("", "")
    assert line["status"].startswith("not run")


def test_without_one_side_there_is_no_effect(results):
    results.run("exfuse", 0.47)
    line = claim(results, "exfuse-total")
    assert (line["measured"], line["outcome"], line["status"]) == ("", "", "missing")


def test_stale_side_gives_no_effect(results):
    results.run("exfuse", 0.47)
    results.run("gcn-resnext101", 0.4, key="old")
    assert claim(results, "exfuse-total")["status"] == "stale"


def test_quoted_claims_are_quoted(results):
    line = claim(results, "over-deeplabv3-val")
    assert (line["status"], line["paper"], line["measured"], line["outcome"]) == ("quoted", "2.3", "", "")


def test_equal_models_show_no_difference_whatever_the_order_of_sums(results):
    for run in ("exfuse", "gcn-resnext101-34", "exfuse-34", "gcn-resnext101"):
        results.run(run, 0.1 + 0.2)
    line = claim(results, "fusion-enhanced")
    assert (line["measured"], line["outcome"]) == ("0.00", "no difference")


@pytest.mark.parametrize(
    ("kind", "margin", "effect", "expected"),
    [
        ("greater", None, 0.01, "same sign"),
        ("greater", None, -0.01, "opposite sign"),
        ("less", None, -0.01, "same sign"),
        ("less", None, 0.01, "opposite sign"),
        ("no-difference", 0.5, 0.5, "within the margin"),
        ("no-difference", 0.5, -0.5, "within the margin"),
        ("no-difference", 0.5, -0.51, "outside the margin"),
        ("no-difference", 0.5, 0.51, "outside the margin"),
        ("not-less", 0.5, 9.0, "within the margin"),
        ("not-less", 0.5, -0.5, "within the margin"),
        ("not-less", 0.5, -0.51, "outside the margin"),
    ],
)
def test_outcomes(kind, margin, effect, expected):
    assert outcome(declared(kind, margin), effect) == expected


def test_models_of_unequal_training_are_named(results):
    """`mini` trains wide decoders for fewer steps; a claim that compares them with narrow ones says so."""
    for run in ("ss-lr-seb-dap", "ss-lr-seb", "ss-lr", "exfuse-resnext131", "exfuse-resnext131-coco"):
        results.run(run, 0.5)
    steps = {result.name: result.steps for result in claim_results(results.graph)}
    assert steps["dap"] == "ss-lr-seb-dap 200, ss-lr-seb 400"
    assert steps["seb"] == ""
    assert steps["coco"] == ""
