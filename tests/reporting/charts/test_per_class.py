"""IoU by class: differences of the seeds that both have, worked out by hand; one row of Table 3 after the other."""

import pytest

from exfuse.reporting.charts import per_class
from exfuse.reporting.charts.chart import fraction

HALF = {"background": 0.9, "bicycle": 0.5, "car": 0.5, "cat": 0.5, "chair": 0.1}


def mean(iou):
    known = [value for value in iou.values() if value is not None]
    return sum(known) / len(known)


def run(results, name, iou, seed=0, **extra):
    results.run(name, mean(iou), seed=seed, iou=iou, **extra)


def rows_of(chart):
    return {row[0]: row[1:] for row in chart.table.rows}


def test_differences_are_those_of_equal_seeds(seeded):
    for seed, gain in enumerate((0.0, 0.1)):
        run(seeded, "gcn-resnext101", HALF, seed)
        run(seeded, "exfuse", {**HALF, "cat": 0.6 + gain, "chair": 0.0}, seed)
    run(seeded, "exfuse", {**HALF, "cat": 0.0}, 2)  # GCN has no such seed
    chart = per_class.chart(seeded.graph)
    found = {(one["class"], one["seed"]): one["difference"] for one in chart.spec["data"]["values"]}
    assert {seed for _, seed in found} == {0, 1}
    assert found["cat", 0] == pytest.approx(10.0)
    assert found["cat", 1] == pytest.approx(20.0)
    assert found["chair", 1] == pytest.approx(-10.0)
    cells = rows_of(chart)["cat"]
    assert cells[0] == "50.00"  # GCN
    assert cells[-1] == "+15.00"
    assert rows_of(chart)["chair"][-1] == "−10.00"
    wanted = "in 1 of them: cat gains most (+15.00 points), chair loses most (−10.00 points)."
    assert chart.alternative.endswith(wanted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cat": 0.6}, "in 1 of them: cat gains most (+10.00 points), background stays the same (0.00 points)."),
        ({"cat": 0.4}, "in none of them: chair stays the same, cat loses most (−10.00 points)."),
        (
            {"background": 0.8, "bicycle": 0.4, "car": 0.3, "cat": 0.4, "chair": 0.05},
            "in none of them: chair loses least (−5.00 points), car loses most (−20.00 points).",
        ),
        (
            {"background": 1.0, "bicycle": 0.6, "car": 0.7, "cat": 0.6, "chair": 0.15},
            "in 5 of them: car gains most (+20.00 points), chair gains least (+5.00 points).",
        ),
    ],
)
def test_a_loss_is_called_one(results, change, said):
    run(results, "gcn-resnext101", HALF)
    run(results, "exfuse", {**HALF, **change})
    assert per_class.chart(results.graph).alternative.endswith(said)


def test_every_row_of_table_3_can_be_chosen_and_the_last_is_shown(results):
    for name in ("gcn-resnext101", "ss", "exfuse"):
        run(results, name, HALF)
    chart = per_class.chart(results.graph)
    (choice,) = chart.spec["params"]
    assert choice["bind"]["options"] == ["#2: Baseline + SS", "#7: Baseline + SS + LR + ECRE + SEB + DAP"]
    assert choice["value"] == choice["bind"]["options"][-1]
    assert len(chart.notes) == 4
    assert all("missing" in note for note in chart.notes)


def test_a_class_without_ground_truth_has_no_bar(results):
    run(results, "gcn-resnext101", {**HALF, "cat": None})
    run(results, "exfuse", {**HALF, "cat": None})
    chart = per_class.chart(results.graph)
    assert "cat" not in {one["class"] for one in chart.spec["data"]["values"]}
    assert rows_of(chart)["cat"] == ("–",) * 8


@pytest.mark.parametrize("value", ["0.5", True, 1.5, -0.1, float("nan"), [0.5], None])
def test_what_is_no_fraction_is_no_number(value):
    assert fraction(value) is None
    assert fraction(1) == 100.0


def test_without_gcn_there_is_a_sentence(results):
    run(results, "exfuse", HALF)
    chart = per_class.chart(results.graph)
    assert chart.spec["mark"]["text"].startswith("GCN and another row of Table 3")
    assert any(note.startswith("gcn-resnext101: missing") for note in chart.notes)
    assert rows_of(chart)["cat"][-2:] == ("50.00", "–")
