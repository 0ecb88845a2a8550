"""Boundary against interior: each row against the first of its own table."""

import pytest

from exfuse.reporting.charts import boundary

RUNS = {
    "gcn-resnext101": (0.30, 0.70),
    "ss-lr": (0.32, 0.69),
    "ss-lr-ecre": (0.35, 0.70),
    "ss-lr-seb": (0.40, 0.72),
    "ss-lr-seb-dap": (0.41, 0.80),
}


@pytest.fixture
def chart(results):
    for name, (near, far) in RUNS.items():
        results.run(name, 0.5, boundary_miou=near, interior_miou=far)
    return boundary.chart(results.graph)


def test_changes_against_the_tables_own_baseline(chart):
    found = {(one["table"], one["row"], one["region"]): one["change"] for one in chart.spec["data"]["values"]}
    assert found["Table 3", "4: SS, LR, ECRE", "boundary"] == pytest.approx(5.0)  # against GCN
    assert found["Table 4", "ECRE (Fig 5)", "boundary"] == pytest.approx(3.0)  # against SS + LR
    assert found["Table 4", "ECRE (Fig 5)", "interior"] == pytest.approx(1.0)
    assert found["Table 5", "DAP (Fig 6)", "interior"] == pytest.approx(8.0)  # against SS + LR + SEB
    assert not [key for key in found if key[1] == "Baseline" or key[1].startswith("1:")]


def test_the_table_has_levels_and_changes(chart):
    rows = {row[:2]: row[2:] for row in chart.table.rows}
    assert rows["Table 4", "ECRE (Fig 5)"] == ("35.00", "+3.00", "70.00", "+1.00")
    assert rows["Table 4", "Baseline"] == ("32.00", "–", "69.00", "–")
    assert rows["Table 5", "Baseline (more channels)"] == ("–", "–", "–", "–")


def test_what_is_missing_is_listed_once(chart):
    assert [note.split(":")[0] for note in chart.notes] == [
        "ss", "exfuse", "ss-lr-deconv-supervised", "ss-lr-subpixel", "ss-lr-seb-wide",
    ]  # fmt: skip


def test_a_mean_over_no_class_is_no_number(results):
    results.run("gcn-resnext101", 0.5, boundary_miou=None)
    results.run("exfuse", 0.5)
    regions = {one["region"] for one in boundary.chart(results.graph).spec["data"]["values"]}
    assert regions == {"interior"}


def test_nothing_at_all(results):
    chart = boundary.chart(results.graph)
    assert "No row of Tables 3–5" in chart.spec["mark"]["text"]
    assert chart.panels is None
