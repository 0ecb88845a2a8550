"""`exfuse score` and `exfuse submit`: VOC val, and the archive for VOC's test server.

The job that trained a model scores it at once, while it is loaded, into a folder of its own; the verbs adopt what they
find there under the expected key. Only when an evaluation setting changed since do they load the weights themselves.
"""

import io
import os
import shutil
import zipfile
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from exfuse.commands.gpus import leased
from exfuse.commands.jobs import running
from exfuse.evaluation.sharing import ALONE, Crew
from exfuse.files import atomic_folder, atomic_path, read_csv, write_json, write_text
from exfuse.spec.graph import Graph, Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from exfuse.evaluation.inference import InferenceSettings
    from exfuse.models.segmenter import Segmenter
    from exfuse.spec.weights import Scores

KEY_FILE = "key"


def run(graph: Graph, run_name: str, seed: int) -> None:
    """Adopts or makes the outputs of a run's evaluation on VOC val, or of its submission."""
    split = graph.spec.runs[run_name].evaluated_on
    name = f"{graph.last_stage(run_name, seed)}/{split}"
    with running(graph, name) as (job, about):
        scored = _scored(graph, job)
        if not _holds(scored, job):
            with leased(graph.spec.preset.hardware):
                from exfuse.commands.finetune import load_model

                score(graph, run_name, seed, load_model(graph, run_name, seed))
            about["computed"] = "apart from training"
        for output in job.outputs:
            os.replace(scored / output.name, output)
        shutil.rmtree(scored)


def score(graph: Graph, run_name: str, seed: int, model: "Segmenter", crew: Crew = ALONE) -> "Scores | None":
    """Scores a run's last stage into a folder that :func:`run` adopts; a run without test images is not scored.

    Several processes that have the model share the images out; the first writes.

    Returns:
        What it scored, where there are labels.
    """
    split = graph.spec.runs[run_name].evaluated_on
    name = f"{graph.last_stage(run_name, seed)}/{split}"
    if name not in graph.jobs:
        return None
    job = graph.job(name)
    scores = None
    with atomic_folder(_scored(graph, job)) if crew.rank == 0 else nullcontext() as folder:
        if split == "val":
            scores = _score_val(graph, run_name, seed, model, job, folder, crew)
        else:
            _write_submission(graph, run_name, model, folder and folder / "submission.tar.gz", crew)
        if folder is not None:
            write_text(folder / KEY_FILE, job.key)
    return scores


def inference_settings(graph: Graph, run_name: str, model: "Segmenter") -> "InferenceSettings":
    """How images are given to a run's trained model."""
    from exfuse.evaluation.inference import InferenceSettings, images_at_once

    preset = graph.spec.preset
    normalization = graph.spec.normalization(graph.spec.backbone_name(run_name))
    stage = graph.spec.chain(run_name)[-1].stage
    size = graph.spec.fine_tuning(run_name, stage).crop_size
    return InferenceSettings(
        size=size,
        mean=normalization.mean,
        std=normalization.std,
        batch_size=images_at_once(model.spec.width, size),
        device=next(model.parameters()).device,
        workers=preset.hardware.workers,
    )


def _scored(graph: Graph, job: Job) -> Path:
    return graph.layout.state(job.name)


def _holds(folder: Path, job: Job) -> bool:
    """Whether a folder holds a job's outputs, made under its key."""
    try:
        key = (folder / KEY_FILE).read_text()
    except OSError:
        return False
    return key == job.key and all((folder / output.name).is_file() for output in job.outputs)


def _score_val(
    graph: Graph, run_name: str, seed: int, model: "Segmenter", job: Job, folder: Path | None, crew: Crew
) -> "Scores":
    from exfuse.commands.describe import val_scores
    from exfuse.data.images import encode_mask
    from exfuse.data.labels import ClassMap
    from exfuse.data.loading import WholeImageSet
    from exfuse.evaluation.results import MODES, headline, summarize_segmentation, write_confusions
    from exfuse.evaluation.segmentation import evaluate_segmentation

    class_map = ClassMap(graph.spec.classes[1:], graph.spec.all_classes)
    predictions: dict[str, bytes] = {}

    def keep(name: str, labels: "NDArray[np.uint8]") -> None:
        if folder is not None:
            predictions[name] = encode_mask(class_map.to_masks[labels])

    results = evaluate_segmentation(
        model,
        WholeImageSet(graph.layout.set("val"), graph.layout.data, class_map),
        class_map.num_classes,
        inference_settings(graph, run_name, model),
        boundary_width=graph.spec.preset.evaluation.boundary_width,
        keep=keep,
        crew=crew,
    )
    summaries = {MODES[result.flip]: summarize_segmentation(result, class_map.names) for result in results}
    if folder is not None:
        for mode, name in (("plain", "val.json"), ("flip", "val-flip.json")):
            write_json(folder / name, {**summaries[mode], "seed": seed, "key": job.key})
        write_json(folder / "metrics.json", headline(summaries["plain"], summaries["flip"]))
        write_confusions(folder / "confusions.npz", results)
        _write_zip(folder / "predictions.zip", predictions)
    return val_scores(graph, summaries["plain"], summaries["flip"])


def _write_zip(target: Path, members: dict[str, bytes]) -> None:
    """Palette PNGs (compressed already) by id, with fixed times so that equal predictions are equal files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(members.items()):
            archive.writestr(zipfile.ZipInfo(f"{name}.png"), data)
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.getvalue())


def _write_submission(graph: Graph, run_name: str, model: "Segmenter", target: Path | None, crew: Crew) -> None:
    from exfuse.data.labels import ClassMap
    from exfuse.evaluation.segmentation import predict_segmentation
    from exfuse.evaluation.submission import check_submission, write_submission

    table = graph.layout.set("test")
    settings = inference_settings(graph, run_name, model)
    class_map = ClassMap(graph.spec.classes[1:], graph.spec.all_classes)
    predictions = predict_segmentation(model, table, graph.layout.data, class_map, settings, flip=True, crew=crew)
    if target is None:
        deque(predictions, maxlen=0)  # the first process writes what this one helps to predict
        return
    write_submission(predictions, target)
    check_submission(target, {row["id"]: (int(row["width"]), int(row["height"])) for row in read_csv(table)})
