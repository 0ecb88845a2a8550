"""`exfuse trace`: what ExFuse is made of, from the network itself."""

from exfuse.commands.jobs import running
from exfuse.files import write_json
from exfuse.inspection.architecture import examine
from exfuse.spec.base import plain
from exfuse.spec.graph import BASELINE, EXFUSE, Graph
from exfuse.spec.graph.inspection import pretraining_classes


def run(graph: Graph) -> None:
    """Traces ExFuse beside its baseline, and what pretrains its backbone."""
    spec = graph.spec
    with running(graph, "models/architecture") as (job, _):
        found = examine(
            exfuse=spec.model(EXFUSE),
            baseline=spec.model(BASELINE),
            size=spec.preset.fine_tuning.trainaug.crop_size,
            pretraining_size=spec.preset.pretraining.crop_size,
            pretraining_classes=pretraining_classes(spec),
            key=job.key,
        )
        write_json(graph.layout.architecture, plain(found))
