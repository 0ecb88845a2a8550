"""A tree of results as the jobs write it, made from the spec, with numbers that a test chooses."""

import dataclasses
import io
import json
import statistics
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exfuse.data.labels import voc_palette
from exfuse.files import read_csv, write_csv, write_json, write_text
from exfuse.reporting.claims import write_claims
from exfuse.spec import manifest
from exfuse.spec.architecture import Architecture
from exfuse.spec.graph import Graph, Job
from exfuse.spec.load import load
from exfuse.spec.spec import Spec

SET_COLUMNS = ("id", "source", "image", "mask", "width", "height", "classes")
VAL = {"2007_000003": (2, 7), "2007_000001": (9,), "2007_000002": (8, 9), "2007_000005": (), "2007_000004": (2, 15)}
"""VOC classes of the validation images: bicycle 2, car 7, cat 8, chair 9 are kept by `mini`, person 15 is not."""


class Results:
    """Writes results of any job under the key that the spec asks for, or under another one."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.graph = Graph(spec)

    def backbone(self, name: str, top1_error: float | None, *, key: str | None = None, **extra: Any) -> None:
        job = self.graph.jobs[f"backbones/{name}"]
        folder = job.manifest.parent
        content = {"top1_error": top1_error, "images": 100, "key": key or job.key, **extra}
        write_json(folder / "metrics.json", content)
        terms = {"main": 1.0, "level1": 2.0, "level2": 1.8, "level3": 1.5} if name.endswith("ss") else {"main": 1.0}
        self._history(folder / "history.csv", 300, terms)
        self.finish(job)

    def run(
        self, name: str, miou: float | None, *, flipped: float | None = None, seed: int = 0, key: str | None = None,
        code: str = "abc123", iou: Mapping[str, float | None] | None = None, **extra: Any,
    ) -> None:  # fmt: skip
        """A run's chain and its evaluation; with a miou of none the chain alone. IoUs by class decide the mean."""
        for link in self.spec.chain(name):
            stage = self.graph.jobs[f"runs/{link.run}/seed{seed}/{link.stage}"]
            steps = self.spec.fine_tuning(link.run, link.stage).steps
            self._history(stage.manifest.with_name("history.csv"), steps, {"main": 0.9, "auxiliary": 1.1})
            self.finish(stage, code=code)
        if miou is None:
            return
        job = self.graph.jobs[f"{stage.name}/val"]
        if iou is not None:
            miou = statistics.fmean(value for value in iou.values() if value is not None)
        for flip, value in ((False, miou), (True, miou if flipped is None else flipped)):
            content = {
                "miou": value,
                "iou": dict(iou) if iou is not None else dict.fromkeys(self.spec.classes, value),
                "boundary_miou": value * 0.7,
                "interior_miou": min(1.0, value * 1.1),
                "images": len(VAL),
                "flip": flip,
                "seed": seed,
                "key": key or job.key,
                "predicted_only": [],
                **extra,
            }
            write_json(job.manifest.with_name("val-flip.json" if flip else "val.json"), content)
        write_json(job.manifest.with_name("metrics.json"), {"miou": miou})
        self._predictions(job.manifest.with_name("predictions.zip"))
        self.finish(job, code=code)

    def submission(self, name: str) -> None:
        """A run's archive for the test server."""
        self.run(name, None)
        job = self.graph.jobs[f"{self.graph.last_stage(name, 0)}/test"]
        job.outputs[0].write_bytes(b"archive")
        self.finish(job)

    def val_set(self) -> None:
        """Five validation images with masks, some of whose classes the preset does not keep."""
        rows = []
        for identifier, classes in VAL.items():
            mask = np.zeros((48, 64), np.uint8)
            for place, label in enumerate(classes):
                mask[8:40, 6 + 28 * place : 28 + 28 * place] = label
            mask[8, :] = 255
            data = self.graph.layout.data
            for kind, image in (("images", Image.fromarray(np.stack([mask] * 3, -1))), ("masks", _palette_png(mask))):
                target = data / "voc" / kind / f"{identifier}{'.png' if kind == 'masks' else '.jpg'}"
                target.parent.mkdir(parents=True, exist_ok=True)
                image.save(target)
            rows.append(
                {
                    "id": identifier,
                    "source": "voc",
                    "image": f"voc/images/{identifier}.jpg",
                    "mask": f"voc/masks/{identifier}.png",
                    "width": 64,
                    "height": 48,
                    "classes": " ".join(map(str, classes)),
                }
            )
        write_csv(self.graph.layout.set("val"), SET_COLUMNS, rows)
        self.finish(self.graph.jobs["data/sets/val"])

    def everything(self) -> None:
        """All backbones and runs, half a point of mIoU from run to run in the order of their declaration."""
        self.val_set()
        for number, name in enumerate(self.spec.backbones):
            self.backbone(name, 0.10 + 0.01 * number)
        for number, (name, run) in enumerate(self.spec.runs.items()):
            if run.evaluated_on == "test":
                self.submission(name)
            else:
                self.run(name, 0.40 + 0.005 * number, flipped=0.41 + 0.005 * number)

    def finish(self, job: Job, *, code: str = "abc123") -> None:
        """A job's manifest and provenance."""
        manifest.write(
            job.manifest, job=job.name, key=job.key, settings=job.settings,
            outputs=[path for path in job.outputs if path.exists()],
            upstream={other: self.graph.jobs[other].key for other in job.upstream},
        )  # fmt: skip
        provenance = {
            "code": code,
            "python": "3.11.9",
            "libraries": {"torch": "2.15.0", "numpy": "2.4.6"},
            "host": "somewhere",
            "machine": "x86_64",
            "system": "Linux 6.1",
            "device": "cpu",
            "command": f"exfuse do {job.name}",
            "finished": "2026-01-02T03:04:05+0000",
            "seconds": {"wall": 12.5, "cpu": 11.0},
        }
        write_json(job.manifest.with_name(job.manifest.name.replace("manifest", "provenance")), provenance)

    def model(self, name: str, content: Mapping[str, Any] | str) -> None:
        """A file below ``models/``, as its job leaves it."""
        job = self.graph.jobs[f"models/{name}"]
        file = job.manifest.with_name(f"{name}.json")
        write_text(file, content if isinstance(content, str) else json.dumps(content))
        self.finish(job)

    def claim(self, name: str) -> dict[str, str]:
        """Writes the claims, and gives the line of one."""
        write_claims(self.graph)
        return next(line for line in read_csv(self.graph.layout.claims) if line["claim"] == name)

    def _history(self, target: Path, steps: int, terms: Mapping[str, float]) -> None:
        marks = range(steps // 10, steps + 1, max(1, steps // 10))
        rows = [
            {"step": step, "learning_rate": 0.01, "loss": 2 / (1 + step / 50)} | {t: v / step for t, v in terms.items()}
            for step in marks
        ]
        write_csv(target, ("step", "learning_rate", "loss", *terms), rows)

    def _predictions(self, target: Path) -> None:
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 10:40] = 9
        stream = io.BytesIO()
        _palette_png(mask).save(stream, "png")
        with zipfile.ZipFile(target, "w") as archive:
            for identifier in VAL:
                archive.writestr(f"{identifier}.png", stream.getvalue())


def _palette_png(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask, "L").convert("P")
    image.putdata(mask.ravel().tolist())
    image.putpalette(voc_palette())
    return image


@pytest.fixture(scope="session")
def mini(repo_root: Path) -> Spec:
    """The declared `mini` reproduction; results would lie in the repository."""
    return load(repo_root, "mini")


@pytest.fixture
def results(mini: Spec, tmp_path: Path) -> Results:
    """An empty folder of results for `mini`."""
    return Results(dataclasses.replace(mini, root=tmp_path))


@pytest.fixture
def seeded(mini: Spec, tmp_path: Path) -> Results:
    """An empty folder of results for `mini` with three seeds."""
    preset = mini.preset.model_copy(update={"seeds": 3})
    return Results(dataclasses.replace(mini, root=tmp_path, preset=preset))


@pytest.fixture(scope="session")
def traced(mini: Spec, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `exfuse trace` writes of `mini`; its key does not depend on where results lie."""
    from exfuse.commands import trace

    graph = Graph(dataclasses.replace(mini, root=tmp_path_factory.mktemp("traced")))
    trace.run(graph)
    return graph.layout.architecture.read_text()


@pytest.fixture
def drawn(results: Results, traced: str) -> Results:
    """Results that hold the traced networks of `mini`."""
    results.model("architecture", traced)
    return results


@pytest.fixture
def found(traced: str) -> Architecture:
    """The traced networks of `mini`."""
    return Architecture.model_validate_json(traced)
