"""`exfuse dvc …`: what joins DVC to the graph. DVC's stages call `check` and `make`, people `write` and `record`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import FrameType

from exfuse.data.progress import progress
from exfuse.errors import FAILED, INTERRUPTED, UserError
from exfuse.files import write_text
from exfuse.pipeline import file
from exfuse.pipeline.damage import damaged_files, damaged_objects, lacks_pictures
from exfuse.pipeline.stages import CHECK, checked_file, stages
from exfuse.spec.freshness import has_expected_key, is_complete
from exfuse.spec.graph import Graph, Job
from exfuse.spec.load import load, preset_names
from exfuse.spec.manifest import provenance_file
from exfuse.spec.names import require
from exfuse.training.interruption import end_with_parent

BUSY = "Another dvc works in this folder; wait for it, or stop it with Ctrl-C there."
ADVICE = {
    "No space left": "Free space, or have DVC's cache on another disk: `dvc cache dir --local FOLDER`.",
    "not a git repository": "DVC wants one: `git init`; or do without: `dvc config --local core.no_scm true`.",
    "outside of git repository": "DVC follows no link out of a clone; have the whole clone on that disk.",
    "nable to acquire lock": BUSY,
    "is busy": BUSY,
    "Permission denied": "Give yourself write permission there.",
    "section 'cache'": "Has .dvc/ been deleted? `git checkout .dvc`, or `dvc init`.",
}
"""What to do about what DVC says."""


def write(graph: Graph) -> None:
    """Writes `dvc.yaml` from ``params/``.

    Raises:
        UserError: the command line sets what DVC would not hear of.
    """
    _require_no_options(graph)
    served = file.write(graph, _others(graph))
    print(f"{file.FILE} serves the presets {', '.join(served)}")


def _others(graph: Graph) -> list[Graph]:
    """The presets that the file may serve besides; one that cannot be read says so when it is chosen."""
    found = []
    for name in preset_names(graph.spec.root):
        if name != graph.spec.preset.name:
            try:
                found.append(Graph(load(graph.spec.root, name)))
            except UserError:
                continue
    return found


def check(graph: Graph) -> None:
    """Checks that `dvc.yaml` says what ``params/`` asks for; what it leaves for DVC never differs."""
    _require_no_options(graph)
    file.require_current(graph)
    write_text(checked_file(graph), f"{file.FILE} says what params/ asks for.\n")


def _require_no_options(graph: Graph) -> None:
    if graph.spec.overrides:
        options = " and ".join(f"`{name}`" for name in graph.spec.overrides)
        raise UserError(f"DVC hears of no option: set {options} in params/presets/{graph.spec.preset.name}.yaml.")


def make(graph: Graph, name: str) -> None:
    """Has Snakemake make what a stage makes, and checks the keys: DVC must not take old files for new ones.

    Raises:
        UserError: there is no such stage, `dvc.yaml` is out of date, or something is not what was asked for.
        SystemExit: Snakemake failed, which has said why.
    """
    found = stages(graph)
    require(name, found, "stage", "exfuse dvc make")
    if name == CHECK:
        check(graph)
        return
    file.require_current(graph)
    jobs = [graph.jobs[job] for job in found[name].jobs]
    if all(map(is_made, jobs)):
        _require_whole(jobs)
        print(f"{name}: as params/ asks for; nothing to make")
        return
    gone = [job.manifest for job in jobs if has_expected_key(job) and not is_made(job)]  # a rule may name no other file
    _snakemake(graph, [job.manifest for job in jobs], gone)
    # what was read may have been made only now
    now = Graph(load(graph.spec.root, graph.spec.preset.name, graph.spec.overrides))
    jobs = [now.jobs[job.name] for job in jobs]
    wrong = [job.name for job in jobs if not is_made(job)]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)}: not what params/ asks for, though snakemake made it. Did params/ change meanwhile?"
        )
    _require_whole(jobs)


def is_made(job: Job) -> bool:
    """Whether all that DVC takes of a job is there, made from what ``params/`` asks for."""
    files = is_complete(job) and provenance_file(job.manifest).is_file() and not lacks_pictures(job)
    return has_expected_key(job) and files


def _snakemake(graph: Graph, targets: Sequence[Path], again: Sequence[Path]) -> None:
    """Runs Snakemake in the root; it ends with this process, and this one with who asked for the stage."""
    words = ["--cores", "all", *(("--forcerun", *map(str, again)) if again else ())]
    settings = {"preset": graph.spec.preset.name, **graph.spec.overrides}
    words += ["--config", *(f"{key}={value}" for key, value in settings.items()), "--", *map(str, targets)]
    process = subprocess.Popen([sys.executable, "-m", "snakemake", *words], cwd=graph.spec.root)
    parent = os.getppid()

    def pass_on(number: int, frame: FrameType | None) -> None:
        if os.getppid() != parent:  # its jobs live on; the next call asks them to end, and goes on from there
            process.kill()
        elif number == signal.SIGTERM:
            process.send_signal(signal.SIGINT)  # Ctrl-C reaches Snakemake by itself, and ends its jobs

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    end_with_parent(signal.SIGTERM)
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code != 0:
        raise SystemExit(INTERRUPTED if code in (-signal.SIGINT, INTERRUPTED) else FAILED)


def record(graph: Graph) -> None:
    """Commits to DVC what Snakemake has made: copies to its cache, digests to `dvc.lock`.

    What is not made yet, or not as ``params/`` asks for, is left out and said. Damaged objects of the cache are
    deleted, and written anew from what is made.

    Raises:
        UserError: DVC knows of another preset, `dvc.yaml` is out of date, nothing is made, a file is damaged, or DVC
            cannot write.
    """
    configured = load(graph.spec.root).preset.name
    if graph.spec.preset.name != configured:
        raise UserError(
            f"DVC records the preset of {file.CONFIG}, '{configured}'. Set `preset: {graph.spec.preset.name}` there."
        )
    check(graph)
    found = stages(graph)
    made = [name for name, stage in found.items() if all(is_made(graph.jobs[job]) for job in stage.jobs)]
    if len(made) == 1:
        raise UserError(f"nothing of preset '{graph.spec.preset.name}' is made yet; `make reproduce`, or `dvc repro`.")
    _mend_cache(graph.spec.root)
    jobs = [graph.jobs[job] for name in made for job in found[name].jobs]
    _require_whole(progress(jobs, len(jobs), "checking", "jobs"))
    differs = json.loads(_dvc("status", "--json"))
    new = [name for name in made if name in differs]
    if new:
        _commit(graph.spec.root, new)
    left = len(found) - len(made)
    print(f"{file.FILE}: {len(made)} of {len(found)} stages are made and recorded in dvc.lock, {len(new)} of them now")
    if left:
        print(f"{left} are not made as params/ asks for: `exfuse status`, `make reproduce`")


def _mend_cache(root: Path) -> None:
    """DVC would take what lies in its cache for whole."""
    for path in damaged_objects(root / "dvc.lock", root / _dvc("cache", "dir").strip()):
        path.unlink()
        print(f"{path}: damaged; deleted from DVC's cache", file=sys.stderr)


def _require_whole(jobs: Iterable[Job]) -> None:
    """DVC would record a damaged file under a digest of its own."""
    damaged = damaged_files(jobs)
    if damaged:
        raise UserError(
            f"{', '.join(map(str, damaged))}: not what was made, as the manifest's SHA-256 shows; damaged or edited. "
            "Delete it; then `dvc pull` brings it back, or `dvc repro` makes it again."
        )


def _commit(root: Path, names: Collection[str]) -> None:
    """What `dvc commit --force` does with stages, which reads all of `dvc.yaml` and `dvc.lock` anew for each.

    Raises:
        UserError: DVC failed.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo, repo.lock:
            chosen = [stage for stage in repo.index.stages if stage.addressing in names]
            for stage in progress(chosen, len(chosen), "recording", "stages"):
                stage.save()
                stage.commit()
            chosen[0].dvcfile.dump_stages(chosen, update_pipeline=False)
    except (DvcException, OSError) as error:
        raise _refused("commit", str(error)) from error


def _refused(word: str, text: str) -> UserError:
    advice = [what for sign, what in ADVICE.items() if sign in text]
    return UserError(" ".join((f"dvc {word}: {text.removesuffix('.')}.", *advice)))


def _dvc(*words: str) -> str:
    """Runs DVC in this environment, and gives what it prints.

    Raises:
        UserError: it failed; its own words say why.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        said = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
        said = [line.split(", it is being blocked by")[0].removesuffix(".") for line in said]
        raise _refused(words[0], "; ".join(said or lines[-1:]) or "it failed without a word")
    return done.stdout
