"""`exfuse probe`: what the features of GCN and ExFuse carry, for Figure 1."""

from exfuse.commands.finetune import load_model
from exfuse.commands.gpus import leased
from exfuse.commands.jobs import running
from exfuse.commands.score import inference_settings
from exfuse.data.labels import ClassMap
from exfuse.data.loading import WholeImageSet
from exfuse.data.progress import progress
from exfuse.files import write_json
from exfuse.inspection.probes import Shown, probe_features
from exfuse.spec.graph import Graph, probed_runs

SEED = 0


def run(graph: Graph) -> None:
    """Probes the runs that Figure 1 compares and writes what came out."""
    with running(graph, "models/probes") as (job, about), leased(graph.spec.preset.hardware):
        preset = graph.spec.preset
        class_map = ClassMap(graph.spec.classes[1:], graph.spec.all_classes)
        fitting, scoring = (
            WholeImageSet(graph.layout.set(name), graph.layout.data, class_map) for name in ("trainaug", "val")
        )
        classes: list[dict[str, int]] = []
        lines = []
        for name in probed_runs(graph):
            model = load_model(graph, name, SEED)
            settings = inference_settings(graph, name, model)
            found = probe_features(
                model, fitting, preset.probes.images, scoring, class_map.num_classes, settings, _shown(name)
            )
            lines += [{"run": name, **line} for line in found.lines]
            classes = found.classes  # the same for all: they are asked about the same blocks
            about["device"] = str(settings.device)
        content = {
            "seed": SEED,
            "fitted_on": min(preset.probes.images, len(fitting)),
            "scored_on": len(scoring),
            "classes": [{"name": name, **counts} for name, counts in zip(graph.spec.classes, classes, strict=True)],
            "probes": lines,
            "key": job.key,
        }
        write_json(graph.layout.probes, content)


def _shown(name: str) -> Shown:
    return lambda samples, total, what: progress(samples, total, f"{name}: {what}")
