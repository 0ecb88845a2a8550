"""`dvc.yaml`: stages with ``${preset}`` where presets of one structure differ, so that one file serves them all."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from exfuse.errors import UserError
from exfuse.files import read_bytes, write_text
from exfuse.pipeline.entries import Entry
from exfuse.pipeline.plots import plots
from exfuse.pipeline.stages import Stage, relative, stages
from exfuse.pipeline.variable import named, shared
from exfuse.spec.graph import Graph

FILE = "dvc.yaml"
CONFIG = "params/config.yaml"
PERSISTENT = {"persist": True}
"""Of an output: DVC leaves it where it is until Snakemake replaces it."""
KEYS = {"vars", "stages", "plots"}
KEYS_OF_STAGE = {"cmd", "deps", "params", "outs", "metrics"}
HEADER = """\
# Written from params/ by `exfuse dvc write`; edit params/, not this. It serves the presets {presets}.
# A stage's command asks Snakemake for what the stage makes, and ends in a check of the keys (docs/sharing.md).
"""
Tree = dict[str, Any]


def described(graph: Graph) -> Tree:
    """All that `dvc.yaml` has to say for a preset, with its name in place of the variable."""
    return {
        "stages": {stage.name: _described(stage) for stage in stages(graph).values()},
        "plots": plots(graph),
    }


def _described(stage: Stage) -> Tree:
    return {
        "cmd": stage.command,
        "deps": list(stage.deps),
        "params": sorted(stage.entries),
        "outs": list(stage.outs),
        "metrics": list(stage.metrics),
    }


def write(graph: Graph, others: Iterable[Graph]) -> list[str]:
    """Writes `dvc.yaml` for a preset, and for others that it can serve as well.

    Returns:
        The presets that it serves.
    """
    trees = {graph.spec.preset.name: described(graph)}
    for other in others:
        wider = {**trees, other.spec.preset.name: described(other)}
        if shared(wider) is not None:
            trees = wider
    tree = shared(trees)
    assert tree is not None, "a preset has the structure of itself"
    header = HEADER.format(presets=", ".join(sorted(trees)))
    content = {"vars": [CONFIG], "stages": {name: _as_dvc(node) for name, node in tree["stages"].items()}}
    content |= {"plots": tree["plots"]}
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
    write_text(graph.spec.root / FILE, f"{header}{text}")
    return sorted(trees)


class _Dumper(yaml.SafeDumper):
    """Short groups on one line."""


_Dumper.add_representer(
    dict, lambda dumper, group: dumper.represent_mapping("tag:yaml.org,2002:map", group.items(), group == PERSISTENT)
)


def _as_dvc(stage: Tree) -> Tree:
    by_file = groupby(sorted(stage["params"], key=lambda entry: (entry.file, entry.key)), key=lambda entry: entry.file)
    params = [{file: [entry.key for entry in entries if entry.key] or None} for file, entries in by_file]
    kept = {kind: [{file: PERSISTENT} for file in stage[kind]] for kind in ("outs", "metrics")}
    whole = {"cmd": stage["cmd"], "deps": stage["deps"], "params": params, **kept}
    return {key: value for key, value in whole.items() if value}


def require_current(graph: Graph) -> None:
    """Checks that `dvc.yaml` says what ``params/`` asks for under a preset.

    Raises:
        UserError: it does not, or is missing or damaged.
    """
    path = graph.spec.root / FILE
    mend = f"`exfuse --preset {graph.spec.preset.name} dvc write` writes it from params/."
    try:
        found = yaml.load(read_bytes(path, mend), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        said = _said(found, graph.spec.preset.name)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be understood ({type(error).__name__}). {mend}") from error
    name = _difference(_with_what_is_there(said, graph), described(graph))
    if name is not None:
        raise UserError(
            f"{path}: {name} is not what params/ asks for; it is older, edited by hand, or raw data came. {mend}"
        )


def _with_what_is_there(said: Tree, graph: Graph) -> Tree:
    """Without raw data that are gone, which what they became outlives; those that came have to be watched."""
    if "archives" in graph.jobs:
        return said
    root, folder = graph.spec.root, relative(graph, graph.spec.archive_folder)
    kept = {
        name: [dep for dep in stage["deps"] if not Path(dep).is_relative_to(folder) or (root / dep).exists()]
        for name, stage in said["stages"].items()
    }
    return {**said, "stages": {name: {**stage, "deps": kept[name]} for name, stage in said["stages"].items()}}


def _difference(said: Tree, asked: Tree) -> str | None:
    """What of two descriptions is not alike, in words; none where all is."""
    for name in (*asked["stages"], *said["stages"]):
        here, there = (tree["stages"].get(name) for tree in (said, asked))
        if here is None or here != there:
            return f"stage '{name}'"
    return None if said["plots"] == asked["plots"] else "a plot"


def _said(tree: Tree, preset: str) -> Tree:
    """What a file says for a preset, in the shape of :func:`described`."""
    if tree["vars"] != [CONFIG] or set(tree) != KEYS:
        raise ValueError
    tree = named(tree, preset)
    return {
        "stages": {
            name: {
                "cmd": stage["cmd"],
                "deps": sorted(stage.get("deps", [])),
                "params": _entries(stage.get("params", [])),
                **{kind: sorted(_persistent(stage.get(kind, []))) for kind in ("outs", "metrics")},
                **{key: value for key, value in stage.items() if key not in KEYS_OF_STAGE},
            }
            for name, stage in tree["stages"].items()
        },
        "plots": tree["plots"],
    }


def _entries(params: list[Mapping[str, list[str] | None]]) -> list[Entry]:
    """Each once: a file may stand there by the preset's name and by the variable."""
    return sorted({Entry(key, file) for group in params for file, keys in group.items() for key in keys or [""]})


def _persistent(outs: list[Mapping[str, Mapping[str, bool]]]) -> Iterator[str]:
    for out in outs:
        for file, options in out.items():
            yield file if options == PERSISTENT else f"{file} with {options}"
