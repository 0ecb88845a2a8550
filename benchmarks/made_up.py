"""A made-up reproduction: a whole tree of results as jobs leave it, for what reads results. Nothing in it was trained.

Pictures, masks and predictions agree with each other and with the numbers: each evaluation is counted from its own
predictions, which miss or mistake whole objects and are shifted by a pixel or two.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exfuse.data.labels import IGNORE_INDEX, voc_palette
from exfuse.evaluation.boundary import boundary_mask
from exfuse.evaluation.confusion import confusion_matrix
from exfuse.evaluation.results import (
    ClassificationResult,
    SegmentationResult,
    headline,
    summarize_classification,
    summarize_segmentation,
    write_confusions,
    write_predictions,
)
from exfuse.files import write_csv, write_json
from exfuse.spec import manifest
from exfuse.spec.graph import Graph, Job
from exfuse.spec.spec import Spec

COLUMNS = ("id", "source", "image", "mask", "width", "height", "classes")
BOUNDARY = 2.0
"""Pixels; the pictures are small."""
CLASSIFIED = 500
"""Images of ImageNet's val that there are."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class MadeUp:
    """Writes results of every job of a preset.

    Attributes:
        spec: the preset; its root is where the results go.
        images: validation images.
        side: their height; they are a third wider.
        noise: spread of a training's quality between seeds.
    """

    spec: Spec
    images: int = 12
    side: int = 48
    noise: float = 0.02

    @cached_property
    def graph(self) -> Graph:
        """All jobs."""
        return Graph(self.spec)

    @cached_property
    def masks(self) -> list[Pixels]:
        """Label maps of the val set, VOC's values, classes of the preset alone."""
        random = np.random.default_rng(1)
        return [self._mask(random) for _ in range(self.images)]

    def write(self) -> Graph:
        """Everything but tables, figures, claims and the page; gives the graph that they are made from."""
        self._val_set()
        for number, name in enumerate(self.spec.backbones):
            if f"backbones/{name}" in self.graph.jobs:
                self._backbone(name, 0.30 - 0.01 * number, number)
        runs = [name for name in self.spec.runs if self.spec.why_no_run(name) is None]
        for number, name in enumerate(runs):
            for seed in range(self.spec.preset.seeds):
                self._run(name, 0.5 + 0.3 * number / max(1, len(runs) - 1), seed, number)
        return self.graph

    def finish(self, job: Job) -> None:
        """A job's manifest and provenance, of what it has left."""
        manifest.write(
            job.manifest, job=job.name, key=job.key, settings=job.settings,
            outputs=[path for path in job.outputs if path.is_file()],
            upstream={other: self.graph.jobs[other].key for other in job.upstream},
        )  # fmt: skip
        write_json(
            manifest.provenance_file(job.manifest),
            {
                "code": "made-up", "python": "3.11.7", "libraries": {"torch": "2.15.0", "numpy": "2.4.6"},
                "host": "nowhere", "machine": "x86_64", "system": "Linux", "device": "cpu",
                "command": f"exfuse --preset {self.spec.preset.name} {job.name}",
                "finished": "2026-01-02T03:04:05+0000", "seconds": {"wall": 12.5, "cpu": 11.0}, "peak_memory_mb": 901,
            },
        )  # fmt: skip

    @cached_property
    def _labels(self) -> list[int]:
        """VOC's label of each class that the preset keeps, background first."""
        return [self.spec.all_classes.index(name) if name in self.spec.all_classes else 0 for name in self.spec.classes]

    def _mask(self, random: np.random.Generator) -> Pixels:
        width = self.side * 4 // 3
        mask = np.zeros((self.side, width), np.uint8)
        for _ in range(random.integers(1, 4)):
            label = self._labels[random.integers(1, len(self._labels))]
            height = int(self.side * random.uniform(0.1, 0.6))
            top, left = random.integers(0, self.side - height), random.integers(0, width - height)
            mask[top : top + height, left : left + height] = IGNORE_INDEX
            mask[top + 1 : top + height - 1, left + 1 : left + height - 1] = label
        return mask

    def _val_set(self) -> None:
        rows = []
        for number, mask in enumerate(self.masks):
            identifier = self._identifier(number)
            stripes = (np.indices(mask.shape).sum(0) % 32 * 4).astype(np.uint8)
            colours = np.frombuffer(voc_palette(), np.uint8).reshape(256, 3)[np.where(mask == IGNORE_INDEX, 0, mask)]
            photograph = Image.fromarray(colours // 2 + stripes[..., None] // 2)
            for kind, image, suffix in (("images", photograph, "jpg"), ("masks", _palette_image(mask), "png")):
                target = self.graph.layout.data / "voc" / kind / f"{identifier}.{suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                image.save(target)
            classes = sorted({int(label) for label in np.unique(mask)} - {0, IGNORE_INDEX})
            rows.append(
                {
                    "id": identifier, "source": "voc", "image": f"voc/images/{identifier}.jpg",
                    "mask": f"voc/masks/{identifier}.png", "width": mask.shape[1], "height": mask.shape[0],
                    "classes": " ".join(map(str, classes)),
                }
            )  # fmt: skip
        write_csv(self.graph.layout.set("val"), COLUMNS, rows)
        self.finish(self.graph.jobs["data/sets/val"])

    def _identifier(self, number: int) -> str:
        return f"2007_{number:06d}"

    def _backbone(self, name: str, error: float, number: int) -> None:
        job = self.graph.jobs[f"backbones/{name}"]
        folder = job.manifest.parent
        random = np.random.default_rng([2, number])
        labels = np.arange(CLASSIFIED, dtype=np.int16) % 1000
        wrong = random.random(CLASSIFIED) < error
        names = tuple(f"val_{image:08d}.JPEG" for image in range(CLASSIFIED))
        result = ClassificationResult(names, labels, np.where(wrong, (labels + 1) % 1000, labels).astype(np.int16))
        folder.mkdir(parents=True, exist_ok=True)
        write_predictions(folder / "predictions.npz", result)
        write_json(folder / "metrics.json", {**summarize_classification(result), "key": job.key})
        self._history(job, 300, random)
        self.finish(job)

    def _run(self, name: str, quality: float, seed: int, number: int) -> None:
        random = np.random.default_rng([3, number, seed])
        for link in self.spec.chain(name):
            stage = self.graph.jobs[f"runs/{link.run}/seed{seed}/{link.stage}"]
            if not stage.manifest.is_file():
                self._history(stage, self.spec.fine_tuning(link.run, link.stage).steps, random)
                self.finish(stage)
        job = self.graph.jobs.get(f"{stage.name}/val")
        if job is not None:
            self._evaluation(job, float(np.clip(quality + random.normal(0, self.noise), 0.05, 0.98)), seed, random)

    def _evaluation(self, job: Job, quality: float, seed: int, random: np.random.Generator) -> None:
        folder = job.manifest.parent
        results, found = [], {}
        for flip in (False, True):
            predictions = [self._prediction(mask, quality + 0.01 * flip, random) for mask in self.masks]
            results.append(self._counted(predictions, flip))
            numbers = {**summarize_segmentation(results[-1], self.spec.classes), "seed": seed, "key": job.key}
            found[flip] = numbers
            write_json(folder / ("val-flip.json" if flip else "val.json"), numbers)
            if not flip:
                _write_predictions(folder / "predictions.zip", predictions, self._identifier)
        write_json(folder / "metrics.json", headline(found[False], found[True]))
        write_confusions(folder / "confusions.npz", results)
        self.finish(job)

    def _prediction(self, mask: Pixels, quality: float, random: np.random.Generator) -> Pixels:
        found = np.where(mask == IGNORE_INDEX, 0, mask)
        for label in np.unique(found[found > 0]):
            if random.random() > quality:
                found = np.where(found == label, self._labels[random.integers(0, len(self._labels))], found)
        shift = tuple(int(pixels) for pixels in random.integers(-2, 3, 2))
        return np.roll(found, shift, (0, 1)).astype(np.uint8)

    def _counted(self, predictions: list[Pixels], flip: bool) -> SegmentationResult:
        index = np.full(256, IGNORE_INDEX, np.uint8)
        index[self._labels] = np.arange(len(self._labels))
        classes = len(self._labels)
        near: list[NDArray[np.int32]] = []
        far: list[NDArray[np.int32]] = []
        for mask, prediction in zip(self.masks, predictions, strict=True):
            truth, guess = index[mask], index[prediction]
            boundary = boundary_mask(mask, BOUNDARY)
            for counts, part in ((near, boundary), (far, ~boundary)):
                counts.append(confusion_matrix(guess[part], truth[part], classes).astype(np.int32))
        names = tuple(map(self._identifier, range(self.images)))
        return SegmentationResult(names, np.stack(near), np.stack(far), flip)

    def _history(self, job: Job, steps: int, random: np.random.Generator) -> None:
        marks = sorted({max(1, steps * part // 100) for part in range(1, 101)})
        losses = [2 / (1 + 9 * step / steps) + random.normal(0, 0.03) for step in marks]
        rows: list[Mapping[str, float]] = [
            {"step": step, "learning_rate": 0.01 * (1 - step / (steps + 1)), "loss": abs(loss), "main": abs(loss) * 0.8}
            for step, loss in zip(marks, losses, strict=True)
        ]
        write_csv(job.manifest.with_name("history.csv"), ("step", "learning_rate", "loss", "main"), rows)


def _palette_image(labels: Pixels) -> Image.Image:
    image = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
    image.putpalette(voc_palette())
    return image


def _write_predictions(target: Path, predictions: list[Pixels], identifier: Callable[[int], str]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for number, labels in enumerate(predictions):
            stream = io.BytesIO()
            _palette_image(labels).save(stream, "png", compress_level=1)
            archive.writestr(f"{identifier(number)}.png", stream.getvalue())
