"""`exfuse costs`: parameters and operations of every backbone and run, at the preset's sizes."""

from typing import Any

from torch import nn

from exfuse.commands.jobs import running
from exfuse.commands.plan import works_of
from exfuse.files import write_json
from exfuse.inspection.costs import classifier, macs, parameters, segmenter
from exfuse.planning.demands import demands, subjects
from exfuse.spec.graph import Graph


def run(graph: Graph) -> None:
    """Counts and writes them; backbones with ImageNet's classifier and the heads of semantic supervision.

    ``counted`` is what `exfuse plan` reads: the trainings of this preset, with all that they ask of a device.
    """
    with running(graph, "models/costs") as (job, _):
        spec, sizes = graph.spec, job.settings
        small, large = sizes["classification_size"], sizes["segmentation_size"]
        content = {
            "backbones": {name: _cost(classifier(spec.backbone(name)), small) for name in spec.backbones},
            "runs": {name: _cost(segmenter(spec.model(name)), large) for name in spec.runs},
            "counted": {key: work.plain() for key, work in works_of(graph, subjects(demands(graph))).items()},
            "key": job.key,
        }
        write_json(graph.layout.costs, content)


def _cost(model: nn.Module, size: int) -> dict[str, Any]:
    """Of one image of ``size``² pixels."""
    return {"parameters": parameters(model), "macs": macs(model, size), "size": size}
