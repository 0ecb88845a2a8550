"""What `dvc plots` draws: learning curves, and the ablation as bars."""

from typing import Any

from exfuse.spec.graph import ABLATION, Graph
from exfuse.spec.layout import Layout

CURVE = "history.csv"


def plots(graph: Graph) -> list[dict[str, Any]]:
    """Definitions for `dvc.yaml`, with paths from the repository's root."""
    found = [
        {f"learning curves of {kind}": curves} for kind in ("backbones", "runs") if (curves := _curves(graph, kind))
    ]
    table = Layout(graph.spec.preset.name).table(ABLATION).as_posix()
    bars = {"template": "bar_horizontal", "x": "measured", "x_label": "mIoU in percent", "y": {table: "row"}}
    return [*found, {f"the ablation of {ABLATION}": bars}]


def _curves(graph: Graph, kind: str) -> dict[str, Any]:
    """A line a training; none where the preset trains nothing of a kind."""
    files = [
        path.relative_to(graph.spec.root).as_posix()
        for name, job in graph.jobs.items()
        if name.startswith(f"{kind}/")
        for path in job.outputs
        if path.name == CURVE
    ]
    return {"template": "linear", "x": "step", "y": dict.fromkeys(files, "loss")} if files else {}
