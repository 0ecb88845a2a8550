"""What a chart shows is rounded once: its data have the digits that its labels leave out."""

import pytest

from exfuse.reporting.charts import boundary, per_class
from exfuse.reporting.charts.chart import plain

CLASSES = ("background", "bicycle", "car", "cat", "chair")
TWICE = 2.0146
"""Points that by way of 2.015 would be 2.02."""


def shown(values):
    return {f"{value:+.2f}" for value in values}


def test_by_class(results):
    results.run("gcn-resnext101", 0.4, iou=dict.fromkeys(CLASSES, 0.4))
    results.run("exfuse", 0.4, iou=dict.fromkeys(CLASSES, 0.4 + TWICE / 100))
    chart = per_class.chart(results.graph)
    assert shown(one["difference"] for one in chart.spec["data"]["values"]) == {"+2.01"}
    assert "+2.01 points" in chart.alternative
    assert {row[-1] for row in chart.table.rows} == {"+2.01"}


def test_boundary(results):
    results.run("gcn-resnext101", 0.4, boundary_miou=0.3, interior_miou=0.5)
    results.run("exfuse", 0.4, boundary_miou=0.3 + TWICE / 100, interior_miou=0.5 + TWICE / 100)
    chart = boundary.chart(results.graph)
    assert shown(one["change"] for one in chart.spec["data"]["values"]) == {"+2.01"}
    assert {cell for row in chart.table.rows for cell in row[3::2]} == {"+2.01", "–"}


def test_equal_numbers_leave_no_noise():
    assert plain(0.1 + 0.2 - 0.3) == 0.0
    assert plain(100 * 0.57 - 57) == 0.0
    assert plain(1 / 3) == pytest.approx(1 / 3, abs=1e-9)
