"""`exfuse finetune`: one stage of a run's chain; its last stage is evaluated in the same process."""

from exfuse.commands import score
from exfuse.commands.describe import segmenter_info
from exfuse.commands.gpus import leased
from exfuse.commands.jobs import running
from exfuse.commands.placing import prepared, used
from exfuse.commands.states import states_of
from exfuse.data.labels import ClassMap
from exfuse.models import build, load_pretrained
from exfuse.models.placement import place
from exfuse.models.segmenter import Segmenter
from exfuse.models.weights import load_weights, save_weights
from exfuse.spec.graph import Graph
from exfuse.spec.settings import StageName
from exfuse.training.finetuning import fine_tune
from exfuse.training.team import team


def run(graph: Graph, run_name: str, stage: StageName, seed: int, deterministic: bool = False) -> None:
    """Trains a stage and writes its weights; scores it when it is the run's last."""
    name = f"runs/{run_name}/seed{seed}/{stage}"
    hardware = graph.spec.preset.hardware.made_deterministic(deterministic)
    with running(graph, name) as (job, about), leased(hardware):
        device = prepared(graph, "finetune", hardware, seed)
        target = graph.layout.stage(run_name, seed, stage)
        model = build(graph.spec.model(run_name))
        before = graph.jobs[job.upstream[0]]
        state = load_weights(before.manifest.with_name("weights.safetensors"))
        if before.name.startswith("backbones/"):
            load_pretrained(model, state)
        else:
            model.load_state_dict(state)
        states = states_of(graph, job)
        with team(device) as crew:
            history = fine_tune(
                f"{run_name} {stage}",
                model,
                graph.spec.fine_tuning(run_name, stage),
                graph.spec.normalization(graph.spec.backbone_name(run_name)),
                hardware,
                graph.layout.set(stage),
                graph.layout.data,
                ClassMap(graph.spec.classes[1:], graph.spec.all_classes),
                seed,
                device,
                states,
                crew,
            )
            last = graph.last_stage(run_name, seed) == name
            scores = score.score(graph, run_name, seed, model, crew) if last else None
        if not crew.leads:
            return
        info = segmenter_info(graph, job, run_name, stage, scores)
        save_weights(target / "weights.safetensors", model.state_dict(), info)
        history.write(target / "history.csv")
        about |= {**used(device, crew.size), "stretches": states.stretches}


def load_model(graph: Graph, run_name: str, seed: int) -> Segmenter:
    """A run's trained model, on the preset's device."""
    device = prepared(graph, "evaluate", graph.spec.preset.hardware, seed)
    model = build(graph.spec.model(run_name))
    last = graph.job(graph.last_stage(run_name, seed))
    model.load_state_dict(load_weights(last.manifest.with_name("weights.safetensors")))
    return place(model, device)
