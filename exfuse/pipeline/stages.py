"""DVC's stages: the graph's jobs, all figures as one, and before all one that notices when they are out of date."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import exfuse
from exfuse.pipeline.entries import Entries, Entry, structure
from exfuse.spec.datasets import OWN
from exfuse.spec.graph import Graph, Job
from exfuse.spec.graph.reporting import CRATED, TEMPLATES
from exfuse.spec.manifest import provenance_file

CHECK = "pipeline"
"""The stage that fails while `dvc.yaml` does not say what ``params/`` asks for."""
FIGURES = "figures"
FOLDERS = {"voc-test": ("images",), **dict.fromkeys(("voc", "sbd", "coco", "own"), ("images", "masks"))}
"""What preparation fills beside a publisher's index; ImageNet is read from its archives."""
METRICS = "metrics.json"
PACKAGE = Path(exfuse.__file__).parent


@dataclass(frozen=True)
class Stage:
    """One stage; all paths are relative to the repository's root.

    Attributes:
        name: what `dvc repro` is asked for.
        command: what makes it.
        jobs: the jobs of the graph that it stands for.
        entries: what it depends on in ``params/``.
        deps: files that it depends on.
        outs: files that it makes, but for its metrics.
        metrics: numbers that `dvc metrics` shows.
    """

    name: str
    command: str
    jobs: tuple[str, ...]
    entries: frozenset[Entry]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...] = ()


def stages(graph: Graph) -> dict[str, Stage]:
    """All stages of a preset by name, upstream before downstream."""
    entries = Entries(graph)
    by_name: dict[str, list[Job]] = {}
    for job in graph.jobs.values():
        by_name.setdefault(stage_name(job.name), []).append(job)
    found = [_check(graph), *(_stage(graph, name, jobs, entries) for name, jobs in by_name.items())]
    return {stage.name: stage for stage in found}


def stage_name(job: str) -> str:
    """What DVC calls a job: it allows letters, digits, dashes and underscores."""
    kind, *rest = job.split("/")
    if kind == "runs":
        run, seed, *stage = rest
        return "-".join((run, seed, stage[-1]))
    if kind == FIGURES:
        return FIGURES
    if kind == "data":
        return "-".join(("set", rest[1]) if rest[0] == "sets" else ("data", rest[0]))
    if kind == "backbones":
        return f"backbone-{rest[0]}"
    return rest[0] if rest else kind  # table3, costs; archives, claims, report


def checked_file(graph: Graph) -> Path:
    """What the first stage makes; it always says the same, so that nothing runs because of it."""
    return graph.layout.base / "pipeline.txt"


def _check(graph: Graph) -> Stage:
    return Stage(
        name=CHECK,
        command=f"exfuse --preset {graph.spec.preset.name} dvc check",
        jobs=(),
        entries=structure(graph),
        deps=(),
        outs=(relative(graph, checked_file(graph)),),
    )


def _stage(graph: Graph, name: str, jobs: list[Job], entries: Entries) -> Stage:
    own = {job.name for job in jobs}
    upstream = dict.fromkeys(other for job in jobs for other in job.upstream if other not in own)
    deps = [graph.jobs[other].manifest for other in upstream]
    deps += [path for job in jobs for path in _raw_files(graph, job)]
    if not upstream:  # whatever raw files are there
        deps.append(checked_file(graph))
    if name == "report":
        deps.append(graph.spec.root / TEMPLATES.relative_to(PACKAGE.parent))  # of this copy, whichever is installed
    if name == "crate":
        deps += [graph.spec.root / file for file in CRATED]
    outs = [path for job in jobs for path in (*job.outputs, job.manifest, provenance_file(job.manifest))]
    outs += [job.manifest.parent / folder for job in jobs for folder in FOLDERS.get(job.name.removeprefix("data/"), ())]
    files = [relative(graph, path) for path in outs]
    return Stage(
        name=name,
        command=f"exfuse --preset {graph.spec.preset.name} dvc make {name}",
        jobs=tuple(own),
        entries=frozenset().union(*(entries.of(job.name) for job in jobs)),
        deps=tuple(sorted({relative(graph, path) for path in deps})),
        outs=tuple(sorted(file for file in files if not file.endswith(f"/{METRICS}"))),
        metrics=tuple(sorted(file for file in files if file.endswith(f"/{METRICS}"))),
    )


def _raw_files(graph: Graph, job: Job) -> Iterable[Path]:
    """Files that come from outside, of those that are there: what was prepared outlives them."""
    kind, _, name = job.name.partition("/")
    folder = graph.spec.archive_folder
    if kind == "data" and "archives" not in graph.jobs:
        groups = graph.spec.folder.archives.items()
        files = [folder / archive.file for publisher, group in groups if publisher == name for archive in group]
        if name == OWN:
            files.append(folder)
        return [path for path in files if path.exists()]
    weights = graph.spec.weights_file(name) if kind == "backbones" else None
    return [] if weights is None else [weights]


def relative(graph: Graph, path: Path) -> str:
    """From the repository's root where it lies there; DVC takes other places as they are."""
    root = graph.spec.root.absolute()
    absolute = path.absolute()
    return (absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix()
