"""The charts by name, in the order of the page."""

from collections.abc import Mapping

from exfuse.reporting.charts import boundary, confusion, costs, learning_curves, object_size, per_class
from exfuse.reporting.charts.chart import Plan

PLANS: Mapping[str, Plan] = {
    "per-class": Plan("IoU by class", per_class.chart),
    "boundary": Plan("Boundary against interior", boundary.chart),
    "confusion": Plan("Confusion of classes", confusion.chart),
    "object-size": Plan("ECRE and DAP by object size", object_size.chart),
    "costs-chart": Plan("Cost against quality", costs.chart),
    "learning-curves": Plan("Learning curves", learning_curves.chart),
}
