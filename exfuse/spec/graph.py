"""The graph of jobs that a spec asks for, each with its key: the one place where dependencies are written.

A job's key is a hash of its kind, its own resolved settings, the identities of the raw files that it reads, and the
keys of its upstream jobs. Code is no part of it, nor is any clock.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json
from exfuse.spec.datasets import PUBLISHERS, Publisher
from exfuse.spec.layout import Layout
from exfuse.spec.paper import Measure
from exfuse.spec.raw import Digests
from exfuse.spec.settings import SetName
from exfuse.spec.spec import Spec

FIGURES = ("figure7", "learning-curves", "per-class")
ABLATION = "table3"
"""The table whose rows the figure `per-class` compares."""
FIGURE7_RUNS = ("gcn-resnext101-coco", "exfuse-resnext131-coco")
SET_PUBLISHERS: Mapping[SetName, tuple[Publisher, ...]] = {
    "train": ("voc",),
    "trainaug": ("voc", "sbd"),
    "trainval": ("voc",),
    "coco": ("voc", "sbd", "coco"),
    "val": ("voc",),
    "test": ("voc",),
}
TEMPLATES = Path(__file__).parent.parent / "reporting" / "templates"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job: what it makes from what.

    Attributes:
        name: its path-like name ("runs/ss-lr/seed0/trainaug").
        manifest: where it records its key, last of its outputs.
        outputs: its other declared outputs.
        upstream: names of the jobs whose outputs it reads.
        settings: its own slice of the spec, as plain data.
        key: the hash of all this.
        after: jobs that have to be done first though its outputs do not depend on them: what a training that scores
            itself reads for the scoring.
    """

    name: str
    manifest: Path
    outputs: tuple[Path, ...]
    upstream: tuple[str, ...]
    settings: Mapping[str, Any] = field(hash=False)
    key: str
    after: tuple[str, ...] = ()


class Graph:
    """All jobs of a preset by name, upstream before downstream.

    Args:
        spec: the declared reproduction.
        digests: where content digests of archives come from; none: a cache below the repository's root.
    """

    def __init__(self, spec: Spec, digests: Digests | None = None) -> None:
        self.spec = spec
        self.layout = Layout(spec.preset.name, spec.root)
        self._digests = digests or Digests(spec.root / ".exfuse" / "archives.json")
        self._jobs: dict[str, Job] = {}
        self._add_data()
        for name in spec.backbones:
            if spec.why_no_backbone(name) is None:
                self._add_backbone(name)
        for name in spec.runs:
            if spec.why_no_run(name) is None:
                for seed in range(spec.preset.seeds):
                    self._add_run(name, seed)
        self._add_reporting()

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every job that the preset can make."""
        return self._jobs

    def job(self, name: str) -> Job:
        """A job by name.

        Raises:
            UserError: the preset has no such job.
        """
        if name not in self.jobs:
            raise UserError(f"preset '{self.spec.preset.name}' has no job '{name}'; `exfuse status` lists its jobs.")
        return self.jobs[name]

    def measure_jobs(self, measure: Measure) -> tuple[str, ...]:
        """The jobs, one a seed, whose outputs hold an evaluation; none where the preset cannot make it."""
        if self.spec.why_not(measure) is not None:
            return ()
        if measure.backbone is not None:
            return (f"backbones/{measure.backbone}",)
        assert measure.run is not None
        split = self.spec.runs[measure.run].evaluated_on
        names = (f"{self.last_stage(measure.run, seed)}/{split}" for seed in range(self.spec.preset.seeds))
        return tuple(name for name in names if name in self._jobs)

    def last_stage(self, run: str, seed: int) -> str:
        """The job that trains a run's last stage."""
        link = self.spec.chain(run)[-1]
        return f"runs/{link.run}/seed{seed}/{link.stage}"

    def evaluations(self) -> Iterator[str]:
        """All jobs that score a run on VOC val."""
        return (name for name in self.jobs if name.startswith("runs/") and name.endswith("/val"))

    def _add(
        self,
        name: str,
        manifest: Path,
        outputs: tuple[Path, ...],
        upstream: tuple[str, ...],
        settings: Any,
        after: tuple[str, ...] = (),
    ) -> None:
        keys = {other: self._jobs[other].key for other in upstream}
        identity = json.dumps({"job": name, "settings": settings, "upstream": keys}, sort_keys=True)
        key = hashlib.sha256(identity.encode()).hexdigest()[:32]
        self._jobs[name] = Job(
            name=name, manifest=manifest, outputs=outputs, upstream=upstream, settings=settings, key=key, after=after
        )

    # --- data ---

    def _add_data(self) -> None:
        folder = self.spec.folder
        place = self.spec.archive_folder
        if folder.generated is not None:
            files = tuple(place / archive.file for group in folder.archives.values() for archive in group)
            manifest = place.parent / f"{place.name}.manifest.json"
            self._add("archives", manifest, files, (), {"generated": folder.generated.model_dump(mode="json")})
        for publisher in PUBLISHERS:
            if publisher in folder.archives:
                self._add_publisher(publisher)
        for name, publishers in SET_PUBLISHERS.items():
            if all(f"data/{publisher}" in self._jobs for publisher in publishers):
                self._add_set(name, publishers)

    def _add_publisher(self, publisher: Publisher) -> None:
        target = self.layout.publisher(publisher)
        settings: dict[str, Any] = {"raw": self._raw(publisher, target / "manifest.json")}
        if publisher == "coco":
            settings["classes"] = self.spec.classes[1:]
        index = ("train.npz", "val.npz", "classes.csv") if publisher == "imagenet" else ("index.csv",)
        upstream = ("archives",) if "archives" in self._jobs else ()
        self._add(
            f"data/{publisher}", target / "manifest.json", tuple(target / name for name in index), upstream, settings
        )

    def _raw(self, publisher: Publisher, manifest: Path) -> dict[str, str | None]:
        """Identities of a publisher's archives; those that are gone keep the identity they were prepared under."""
        if self.spec.folder.generated is not None:
            return {}
        try:
            prepared = read_json(manifest)["settings"]["raw"]
        except (UserError, KeyError, TypeError):
            prepared = {}
        found = {}
        for archive in self.spec.folder.archives[publisher]:
            file = self.spec.archive_folder / archive.file
            found[archive.file] = self._digests.of(file) if file.is_file() else prepared.get(archive.file)
        return found

    def _add_set(self, name: SetName, publishers: tuple[Publisher, ...]) -> None:
        settings: dict[str, Any] = {"set": name}
        if name == "trainval":
            settings["repeated"] = [c for c in self.spec.datasets.hard_classes if c in self.spec.classes]
        csv = self.layout.set(name)
        upstream = tuple(f"data/{publisher}" for publisher in publishers)
        self._add(f"data/sets/{name}", csv.with_suffix(".manifest.json"), (csv,), upstream, settings)

    # --- training ---

    def _add_backbone(self, name: str) -> None:
        target = self.layout.backbone(name)
        preset = self.spec.preset
        settings: dict[str, Any] = {"architecture": _plain(self.spec.backbone(name))}
        upstream: tuple[str, ...] = ()
        outputs = ["weights.safetensors", "metrics.json", "history.csv", "predictions.npz"]
        if preset.public_backbones:
            settings["public_weights"] = self.spec.backbones[name].public_weights
        else:
            upstream = ("data/imagenet",)
            settings |= {
                "pretraining": _plain(preset.pretraining),
                "normalization": _plain(preset.normalization),
                "threads": preset.hardware.threads,
            }
        self._add(
            f"backbones/{name}", target / "manifest.json", tuple(target / file for file in outputs), upstream, settings
        )

    def _add_run(self, name: str, seed: int) -> None:
        run, preset = self.spec.runs[name], self.spec.preset
        before = self.last_stage(run.extends, seed) if run.extends else f"backbones/{run.backbone}"
        for stage in run.stages:
            target = self.layout.stage(name, seed, stage)
            job = f"runs/{name}/seed{seed}/{stage}"
            settings = {
                "model": _plain(self.spec.model(name)),
                "classes": list(self.spec.classes),
                "fine_tuning": _plain(self.spec.fine_tuning(name, stage)),
                "normalization": _plain(preset.normalization),
                "threads": preset.hardware.threads,
                "seed": seed,
            }
            outputs = (target / "weights.safetensors", target / "history.csv")
            scored = run.evaluated_on == "val" or self._has_test_images()
            after = (f"data/sets/{run.evaluated_on}",) if scored and stage == run.stages[-1] else ()
            self._add(job, target / "manifest.json", outputs, (before, f"data/sets/{stage}"), settings, after)
            before = job
        if run.evaluated_on == "val":
            self._add_evaluation(name, seed)
        elif self._has_test_images():
            self._add_submission(name, seed)

    def _has_test_images(self) -> bool:
        """VOC's test archive needs an account; without it the runs are trained, and nothing is submitted."""
        archives = [a for a in self.spec.folder.archives["voc"] if a.optional]
        generated = self.spec.folder.generated is not None
        return any(generated or (self.spec.archive_folder / archive.file).is_file() for archive in archives)

    def _add_evaluation(self, name: str, seed: int) -> None:
        stage = self.spec.chain(name)[-1].stage
        target = self.layout.stage(name, seed, stage)
        outputs = ("val.json", "val-flip.json", "confusions.npz", "predictions.zip")
        self._add(
            f"runs/{name}/seed{seed}/{stage}/val",
            target / "val.manifest.json",
            tuple(target / file for file in outputs),
            (f"runs/{name}/seed{seed}/{stage}", "data/sets/val"),
            {"evaluation": _plain(self.spec.preset.evaluation), "seed": seed},
        )

    def _add_submission(self, name: str, seed: int) -> None:
        stage = self.spec.chain(name)[-1].stage
        target = self.layout.stage(name, seed, stage)
        self._add(
            f"runs/{name}/seed{seed}/{stage}/test",
            target / "test.manifest.json",
            (target / "submission.tar.gz",),
            (f"runs/{name}/seed{seed}/{stage}", "data/sets/test"),
            {"flip": True, "seed": seed},
        )

    # --- what the paper prints ---

    def _add_reporting(self) -> None:
        preset = self.spec.preset
        shown = {"preset": preset.name, "seeds": preset.seeds}
        for name, table in self.spec.tables.items():
            measures = [cell.measure for row in table.rows for cell in row.cells.values() if cell.measure]
            settings = {**shown, "caveat": preset.caveat, "table": _plain(table)}
            if any(measure.metric == "test_miou" for measure in measures):
                settings["test_server"] = dict(preset.test_server)
            csv = self.layout.table(name)
            outputs = (csv, csv.with_suffix(".tex"))
            self._add(f"tables/{name}", csv.with_suffix(".manifest.json"), outputs, self._needed(measures), settings)
        claims = {name: _plain(claim) for name, claim in self.spec.claims.items()}
        measures = [m for claim in self.spec.claims.values() for m in (*claim.plus, *claim.minus)]
        csv = self.layout.claims
        needed = self._needed(measures)
        self._add("claims", csv.with_suffix(".manifest.json"), (csv,), needed, {**shown, "claims": claims})
        self._add_figures(shown)
        self._add_report(shown)

    def _needed(self, measures: list[Measure]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(job for measure in measures for job in self.measure_jobs(measure)))

    def _add_figures(self, shown: dict[str, Any]) -> None:
        shown = {**shown, "classes": list(self.spec.classes)}
        seed0 = [job for run in FIGURE7_RUNS for job in self.measure_jobs(Measure(run=run))[:1]]
        upstream = {
            "figure7": (*seed0, "data/sets/val"),
            "learning-curves": tuple(
                j for j in self._jobs if j.startswith(("backbones/", "runs/")) and self._trains(j)
            ),
            "per-class": tuple(self._jobs_ending("/val")),
        }
        labels: dict[str, Any] = {
            "figure7": None,
            "learning-curves": {name: declared.title for name, declared in self.spec.backbones.items()},
            "per-class": _plain(self.spec.tables[ABLATION])["rows"],
        }
        for name in FIGURES:
            svg = self.layout.figure(name)
            outputs = (svg, svg.with_suffix(".png"))
            self._add(
                f"figures/{name}",
                svg.with_suffix(".manifest.json"),
                outputs,
                upstream[name],
                {**shown, "labels": labels[name]},
            )

    def _add_report(self, shown: dict[str, Any]) -> None:
        templates = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(TEMPLATES.glob("*"))
            if file.is_file()
        }
        preset = self.spec.preset
        settings = {
            **shown,
            "description": preset.description,
            "caveat": preset.caveat,
            "ledger": [_plain(entry) for entry in self.spec.ledger],
            "templates": templates,
            "titles": {
                "data": self.spec.folder.title,
                "backbones": {name: declared.title for name, declared in self.spec.backbones.items()},
                "runs": {name: [declared.title, declared.source] for name, declared in self.spec.runs.items()},
            },
        }
        upstream = [job for job in self._jobs if job.startswith(("tables/", "figures/")) or job == "claims"]
        upstream += [job for job in self._jobs if job.startswith("backbones/")]
        upstream += [*self._jobs_ending("/val"), *self._jobs_ending("/test")]
        html = self.layout.report
        self._add("report", html.with_name("manifest.json"), (html,), tuple(upstream), settings)

    def _trains(self, job: str) -> bool:
        return not job.endswith(("/val", "/test"))

    def _jobs_ending(self, ending: str) -> list[str]:
        return [job for job in self._jobs if job.startswith("runs/") and job.endswith(ending)]


def _plain(declared: Any) -> Any:
    """A declared object as JSON data, as it enters keys and manifests."""
    return declared.model_dump(mode="json")
