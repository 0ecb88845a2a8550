"""`exfuse pretrain`: a backbone, trained on ImageNet, from elsewhere, or untrained."""

from typing import Any

import numpy as np
import torch

from exfuse.commands.describe import classifier_info
from exfuse.commands.gpus import leased
from exfuse.commands.jobs import running
from exfuse.commands.placing import prepared, used
from exfuse.commands.states import states_of
from exfuse.data.loading import ImageNetSet
from exfuse.data.transforms import CentreCrop
from exfuse.evaluation.classification import evaluate_classification
from exfuse.evaluation.inference import InferenceSettings
from exfuse.evaluation.results import ClassificationResult, summarize_classification, write_predictions
from exfuse.files import read_csv, write_json
from exfuse.models.semantic_supervision import Classifier
from exfuse.models.weights import save_weights
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Hardware, Normalization
from exfuse.training.history import History
from exfuse.training.pretraining import SEED, pretrain
from exfuse.training.starting import CLASSIFIER, public_classifier, trained_classifier, untrained_classifier
from exfuse.training.state import StateFolder
from exfuse.training.team import Team, team

BATCH_AT_EVALUATION = 32
NO_LABELS = np.empty(0, dtype=np.int16)


def run(graph: Graph, name: str, deterministic: bool = False) -> None:
    """Trains a backbone and measures its top-1 error, or takes it from where the preset says; writes both."""
    hardware = graph.spec.preset.hardware.made_deterministic(deterministic)
    with running(graph, f"backbones/{name}") as (job, about), leased(hardware, graph.spec.resources("pretrain").gpus):
        normalization = graph.spec.normalization(name)  # first, because weights of a folder may not tell theirs
        device = prepared(graph, "pretrain", hardware, SEED)
        target = graph.layout.backbone(name)
        if graph.spec.pretrains:
            states = states_of(graph, job)
            with team(device) as crew:
                model, history = _train(graph, name, hardware, device, states, crew)
                metrics = _measure(graph, name, model, normalization, device, crew)
            if not crew.leads:
                return
            state, processes = model.state_dict(), crew.size
            about["stretches"] = states.stretches
        else:
            (state, note), processes = _from_elsewhere(graph, name), 1
            metrics, history = {"top1_error": None, "images": 0, "note": note}, History(0)
            write_predictions(target / "predictions.npz", ClassificationResult((), NO_LABELS, NO_LABELS))
        info = classifier_info(graph, job, name, len(state[CLASSIFIER]), metrics["top1_error"])
        save_weights(target / "weights.safetensors", state, info)
        history.write(target / "history.csv")
        write_json(target / "metrics.json", {**metrics, "key": job.key})
        about |= used(device, processes)


def _from_elsewhere(graph: Graph, name: str) -> tuple[dict[str, torch.Tensor], str]:
    """A backbone's weights that are not trained here, and what they are in words."""
    architecture = graph.spec.backbone(name)
    if (file := graph.spec.weights_file(name)) is not None:
        return trained_classifier(file, architecture), f"weights of {file}"
    if graph.spec.preset.backbone_weights == "random":
        return untrained_classifier(architecture), "untrained"
    public = str(graph.spec.backbones[name].public_weights)
    return public_classifier(public, architecture, graph.spec.archive_folder), f"public weights {public}"


def _train(
    graph: Graph, name: str, hardware: Hardware, device: torch.device, states: StateFolder, crew: Team
) -> tuple[Classifier, History]:
    indices = graph.layout.publisher("imagenet")
    num_classes = len(read_csv(indices / "classes.csv"))
    architecture, archives = graph.spec.backbone(name), graph.spec.archive_folder
    preset = graph.spec.preset.model_copy(update={"hardware": hardware})
    return pretrain(name, architecture, preset, indices, archives, num_classes, device, states, crew)


def _measure(
    graph: Graph, name: str, model: Classifier, normalization: Normalization, device: torch.device, crew: Team
) -> dict[str, Any]:
    """The top-1 error on ImageNet val, whose predictions the first process keeps."""
    preset = graph.spec.preset
    crop = CentreCrop(preset.pretraining.evaluation_resize, preset.pretraining.crop_size)
    settings = InferenceSettings(
        size=preset.pretraining.crop_size,
        mean=normalization.mean,
        std=normalization.std,
        batch_size=BATCH_AT_EVALUATION,
        device=device,
        workers=preset.hardware.workers,
    )
    images = ImageNetSet(graph.layout.publisher("imagenet") / "val.npz", graph.spec.archive_folder, crop)
    result = evaluate_classification(model, images, settings, crew=crew)
    if crew.leads:
        write_predictions(graph.layout.backbone(name) / "predictions.npz", result)
    return summarize_classification(result)
