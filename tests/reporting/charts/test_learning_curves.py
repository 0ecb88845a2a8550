"""Learning curves: every training a panel, chains one after the other, thinned to what can be seen."""

import pytest

from exfuse.files import write_csv
from exfuse.reporting.charts import learning_curves
from exfuse.reporting.charts.learning_curves import thinned


def lines(chart, training, term="total loss"):
    return [one for one in chart.spec["data"]["values"] if one.get("training") == training and one.get("term") == term]


def test_every_training_has_a_panel_and_chains_go_on(results):
    results.everything()
    chart = learning_curves.chart(results.graph)
    trainings = {one["training"] for one in chart.spec["data"]["values"]}
    assert len(trainings) == len(results.spec.backbones) + len(results.spec.runs) == chart.panels.count
    assert chart.notes == ()
    coco, trainaug, train = lines(chart, "exfuse-resnext131-coco")
    assert coco["step"][-1] == 200  # steps of the three stages, wide decoder
    assert trainaug["step"][-1] == 400
    assert train["step"][-1] == 460
    last_two = 2 / (1 + 54 / 50), 2 / (1 + 60 / 50)
    assert train["loss"][-1] == pytest.approx(sum(last_two) / 2, rel=1e-3)
    assert lines(chart, "exfuse", "auxiliary loss")
    assert len(lines(chart, "backbone resnet50-ss", "SS heads")) == 3


def test_the_numbers_are_the_curves_first_and_last(results):
    results.run("ss", 0.4)
    (row,) = learning_curves.chart(results.graph).table.rows
    assert row == ("ss", "trainaug", "0", "400", "1.1111", "0.2222")  # 2 / (1 + step / 50) at 40 and 400


def test_thinning_takes_means_of_neighbours_at_the_last_step_of_each():
    steps, values = thinned([1, 2, 3, 4, 5], [8.0, 4.0, 2.0, 0.0, 7.0], 3)
    assert steps == [2, 4, 5]
    assert values == [6.0, 1.0, 7.0]
    assert thinned([1, 2, 3], [0.0, -1.0, float("nan")], 10) == ([], [])  # nothing that a logarithm can show


def test_at_the_papers_size_it_stays_small(seeded):
    """35 runs and 3 seeds of 50 points have a thousand lines; each has as many points as a panel can show."""
    for seed in range(3):
        seeded.run("exfuse", 0.4, seed=seed)
    stage = seeded.graph.jobs["runs/exfuse/seed0/trainaug"]
    rows = [{"step": step, "loss": 1 / step} for step in range(1, 5001)]
    write_csv(stage.manifest.with_name("history.csv"), ("step", "loss"), rows)
    chart = learning_curves.chart(seeded.graph)
    assert len(lines(chart, "exfuse")) == 3
    assert all(len(one["step"]) <= learning_curves.POINTS for one in lines(chart, "exfuse"))


@pytest.mark.parametrize("content", ["", "step,loss\n", "step,other\n1,2\n", "step,loss\nx,1\n", "step,loss\nnan,1\n"])
def test_a_damaged_curve_is_said(results, content):
    results.run("ss", 0.4)
    results.graph.jobs["runs/ss/seed0/trainaug"].manifest.with_name("history.csv").write_text(content)
    chart = learning_curves.chart(results.graph)
    assert not lines(chart, "ss")
    assert any(note.startswith("ss: no learning curve (results/mini/runs/ss/") for note in chart.notes)


def test_missing_and_stale_trainings_are_listed(results):
    results.run("ss", 0.4)
    results.run("exfuse-resnext131-coco", 0.4)
    results.graph.jobs["runs/ss/seed0/trainaug"].manifest.write_text('{"key": "old"}')
    results.graph.jobs["runs/exfuse-resnext131-coco/seed0/trainaug"].manifest.unlink()
    notes = learning_curves.chart(results.graph).notes
    assert "ss: stale (runs/ss/seed0/trainaug)" in notes
    assert "exfuse-resnext131-coco: missing (runs/exfuse-resnext131-coco/seed0/trainaug)" in notes
    assert "exfuse: missing (runs/exfuse/seed0/trainaug)" in notes


def test_nothing_at_all(results):
    chart = learning_curves.chart(results.graph)
    assert chart.spec["mark"]["text"] == "Nothing has been trained."
    assert chart.table.rows == ()


@pytest.mark.parametrize(
    "steps",
    [[0], [0, 0], [-1, 5], [20, 10], [10, 10], [1e300], [float("inf")], [float("nan")]],
    ids=str,
)
def test_steps_that_no_training_makes_are_no_curve(results, steps):
    results.backbone("resnet50", 0.2)
    job = results.graph.jobs["backbones/resnet50"]
    rows = [{"step": step, "loss": 1.0} for step in steps]
    write_csv(job.manifest.with_name("history.csv"), ("step", "loss"), rows)
    chart = learning_curves.chart(results.graph)
    assert chart.table.rows == ()
    assert any(note.startswith("backbone resnet50: no learning curve") for note in chart.notes)
