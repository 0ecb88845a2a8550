"""Reads ``params/`` once, at the boundary, into a :class:`~exfuse.spec.spec.Spec`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from exfuse.errors import UserError
from exfuse.spec import yaml
from exfuse.spec.base import LedgerEntry
from exfuse.spec.check import check
from exfuse.spec.datasets import Datasets
from exfuse.spec.devices import Device
from exfuse.spec.fidelity import Fidelity, Part, Section, StatedHyperparameters
from exfuse.spec.ledger import used_ledger
from exfuse.spec.names import require
from exfuse.spec.paper import Backbone, Claim, DecoderSwitches, Run, Table
from exfuse.spec.preset import Preset
from exfuse.spec.spec import Spec
from exfuse.spec.statistics import Statistics
from exfuse.spec.validate import require_sources, split_sources, validate
from exfuse.spec.yaml import KeyPath, Tree

M = TypeVar("M", bound=BaseModel)

Origins = dict[KeyPath, Path]
"""The file of every key of a preset, which may extend another."""

OVERRIDES = ("data", "data_root")
"""Keys of a preset that the command line may set."""

NOT_INHERITED: Tree = {"caveat": "", "test_server": {}}
"""Keys of a preset, and their values where the preset itself has none, whatever the one that it extends says."""


def load(root: Path, preset: str | None = None, overrides: Mapping[str, str] | None = None) -> Spec:
    """The declared reproduction.

    Args:
        root: the repository, or any folder that holds ``params/``.
        preset: a name in ``params/presets/``; none: that of ``params/config.yaml``.
        overrides: values for ``data`` and ``data_root`` in place of the preset's.

    Raises:
        UserError: a file is missing or cannot be understood; the message names file, key and the nearest valid name.
    """
    params = root / "params"
    if not params.is_dir():
        raise UserError(f"{params}: no such folder. Run from the repository's root.")
    chosen = _configured_preset(params / "config.yaml") if preset is None else preset
    declared, ledger, files, origins = _preset(params, chosen, dict(overrides or {}))
    runs_file = params / "runs.yaml"
    runs_tree = yaml.read(runs_file)
    for key in runs_tree:
        require(key, ("decoders", "runs"), "key", str(runs_file))
    spec = Spec(
        root=root,
        preset=declared,
        ledger=tuple(ledger),
        fidelity=_fidelity(params / "fidelity"),
        datasets=_file(Datasets, params / "datasets.yaml"),
        backbones=_entries(Backbone, params / "backbones.yaml"),
        decoders=_entries(DecoderSwitches, runs_file, runs_tree, "decoders"),
        runs=_entries(Run, runs_file, runs_tree, "runs"),
        tables=_entries(Table, params / "tables.yaml"),
        claims=_entries(Claim, params / "claims.yaml"),
        statistics=_file(Statistics, params / "statistics.yaml"),
        devices=_entries(Device, params / "devices.yaml"),
        overrides=dict(overrides or {}),
        origins=origins,
    )
    check(spec, files)
    return replace(spec, ledger=used_ledger(spec))


def preset_names(root: Path) -> list[str]:
    """The presets that exist."""
    return sorted(path.stem for path in (root / "params" / "presets").glob("*.yaml"))


def preset_files(root: Path, name: str) -> list[Path]:
    """The file of a preset that exists, and those of the presets that it extends, the nearest first."""
    file = root / "params" / "presets" / f"{name}.yaml"
    parent = yaml.read(file).get("extends")
    return [file, *(preset_files(root, str(parent)) if parent is not None else [])]


def _configured_preset(file: Path) -> str:
    tree = yaml.read(file)
    for key in tree:
        require(key, ("preset",), "key", str(file))
    name = tree.get("preset")
    if not isinstance(name, str):
        raise UserError(f"{file}: key 'preset' has to name a file of params/presets/, without .yaml.")
    require(name, preset_names(file.parent.parent), "preset", f"{file}: preset")
    return name


def sections(root: Path) -> dict[str, Section]:
    """Section 3 of the paper by the number of its sections; no job reads it, so it is no part of the spec.

    Raises:
        UserError: the file is missing or cannot be understood.
    """
    return _entries(Section, root / "params" / "fidelity" / "sentences.yaml")


def _fidelity(folder: Path) -> Fidelity:
    return Fidelity(
        parts=_entries(Part, folder / "parts.yaml"),
        hyperparameters=_file(StatedHyperparameters, folder / "hyperparameters.yaml"),
    )


def _preset(params: Path, name: str, overrides: dict[str, str]) -> tuple[Preset, list[LedgerEntry], Origins, Origins]:
    """A preset, its ledger, and the files of its keys: with those of each stage that all share, and as declared."""
    for key in overrides:
        require(key, ("preset", *OVERRIDES), "setting", "--config")
    tree, files = _preset_tree(params, name)
    file = params / "presets" / f"{name}.yaml"
    if "name" in tree:
        raise UserError(f"{files[('name',)]}: unknown key 'name'; a preset is named by its file.")
    origins = dict(files)
    tree["fine_tuning"] = _stages(tree, files, file)
    tree = {**tree, "name": name, **overrides}
    plain, ledger = split_sources(tree, files, file)
    declared = validate(Preset, plain, files, file)
    require_sources(declared, ledger, files, file)
    return declared, ledger, files, origins


def _preset_tree(params: Path, name: str, below: tuple[str, ...] = ()) -> tuple[Tree, Origins]:
    """A preset's YAML over that of the preset that it extends."""
    where = f"params/presets/{below[-1]}.yaml: extends" if below else "--config preset"
    require(name, preset_names(params.parent), "preset", where)
    if name in below:
        raise UserError(f"params/presets/{name}.yaml: extends itself through {' → '.join(below)}.")
    file = params / "presets" / f"{name}.yaml"
    tree = yaml.read(file)
    files = yaml.origins(tree, file)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree, files
    base, base_files = _preset_tree(params, str(parent), (*below, name))
    kept = {
        key: origin for key, origin in base_files.items() if key[0] not in NOT_INHERITED and not _is_replaced(key, tree)
    }
    return yaml.merge({**base, **NOT_INHERITED}, tree), {**kept, **files}


def _is_replaced(key: KeyPath, changes: Tree) -> bool:
    """Whether ``changes`` put another value in the place of a key, or of one above it."""
    node: Any = changes
    for part in key:
        if not isinstance(node, dict) or yaml.is_sourced(node):
            return True
        if part not in node:
            return False
        node = node[part]
    return True


def _stages(tree: Tree, files: Origins, fallback: Path) -> dict[str, Any]:
    """Each stage's settings over those that all share (`fine_tuning.common`); ``files`` learns where those stand."""
    stages = tree.get("fine_tuning")
    if not isinstance(stages, dict):
        raise UserError(
            f"{files.get(('fine_tuning',), fallback)}: key 'fine_tuning' is missing, or no group of stages."
        )
    above = ("fine_tuning", "common")
    common = stages.get("common", {})
    if not isinstance(common, dict):
        raise UserError(f"{files.get(above, fallback)}: {'.'.join(above)} has to be a group of settings.")
    own_settings = {name: own for name, own in stages.items() if name != "common"}
    for name in own_settings:
        shared = {("fine_tuning", name, *key[2:]): file for key, file in files.items() if key[:2] == above}
        files |= {**shared, **files}
    return {name: yaml.merge(common, own) if isinstance(own, dict) else own for name, own in own_settings.items()}


def _file(model: type[M], file: Path) -> M:
    tree = yaml.read(file)
    return validate(model, tree, {}, file)


def _entries(model: type[M], file: Path, tree: Tree | None = None, key: str | None = None) -> dict[str, M]:
    """A mapping of names to objects: a whole file, or one key of it."""
    entries = yaml.read(file) if tree is None else tree.get(str(key))
    if not isinstance(entries, dict):
        raise UserError(f"{file}: key '{key}' has to be a mapping of names to settings.")
    at: KeyPath = (key,) if key else ()
    found = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise UserError(f"{file}: {'.'.join((*at, name))} has to be a group of settings.")
        found[name] = validate(model, entry, {}, file, (*at, name))
    return found
