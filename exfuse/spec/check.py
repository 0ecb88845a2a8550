"""Checks across the files of ``params/``: names that exist, runs that end, data that are there, networks that fit."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from exfuse.errors import UserError
from exfuse.spec.datasets import Publisher
from exfuse.spec.graph.reporting import ABLATION, FIGURE7_RUNS, FIGURE7_RUNS_WITHOUT_COCO, SIZE_EFFECTS
from exfuse.spec.names import nearest, require
from exfuse.spec.paper import Measure, Run
from exfuse.spec.spec import BACKBONE_WEIGHTS, Spec
from exfuse.spec.yaml import KeyPath


def check(spec: Spec, files: Mapping[KeyPath, Path]) -> None:
    """Checks what no file of ``params/`` can tell alone.

    Args:
        spec: all that is declared.
        files: the file of each key of the preset, which may extend another.

    Raises:
        UserError: something does not fit; the message names file, key and, for a name, the nearest valid one.
    """
    params = spec.root / "params"
    fallback = params / "presets" / f"{spec.preset.name}.yaml"

    def preset(*key: str) -> str:
        file = next((files[key[:n]] for n in range(len(key), 0, -1) if key[:n] in files), fallback)
        return f"{file}: {'.'.join(key)}"

    _check_preset(spec, preset)
    if files.get(("normalization",)) == fallback:
        _check_normalization(spec, preset("normalization"))
    _check_data(spec, params / "datasets.yaml")
    for name, run in spec.runs.items():
        _check_run(spec, name, run, f"{params / 'runs.yaml'}: runs.{name}")
    _check_asked_runs(spec, preset("runs"))
    _check_measures(spec, params)
    for shown in (*FIGURE7_RUNS, *FIGURE7_RUNS_WITHOUT_COCO):
        require(shown, spec.runs, "run", f"{params / 'runs.yaml'}: figure 7 needs its run, so runs")
    for shown in (run for pair in SIZE_EFFECTS.values() for run in pair):
        require(shown, spec.runs, "run", f"{params / 'runs.yaml'}: chart object-size needs its run, so runs")
    require(ABLATION, spec.tables, "table", f"{params / 'tables.yaml'}: chart per-class needs its table, so tables")
    for name in spec.backbones:
        scaled = name if name in spec.preset.backbones else "common"
        where = preset("backbones", scaled) if spec.preset.backbones else f"{params / 'backbones.yaml'}: {name}"
        _check_network(partial(spec.backbone, name), where)
    for name in spec.runs:
        _check_network(partial(spec.model, name), f"{params / 'runs.yaml'}: runs.{name}")


def _check_preset(spec: Spec, where: Callable[..., str]) -> None:
    require(spec.preset.data, spec.datasets.folders, "data folder", where("data"))
    for name in spec.preset.classes or ():
        if spec.folder.own is not None and name not in spec.all_classes:
            raise UserError(
                f"{where('classes')}: unknown class '{name}' of data '{spec.preset.data}'; "
                f"{nearest(name, spec.all_classes)}. To keep all, say `classes: null` in "
                f"params/presets/{spec.preset.name}.yaml."
            )
        require(name, spec.all_classes[1:], "class", where("classes"))
    for name in spec.preset.runs or ():
        require(name, spec.runs, "run", where("runs"))
    _check_weights(spec, where("backbone_weights"))
    for name in spec.preset.backbones:
        require(name, ("common", *spec.backbones), "backbone", where("backbones", name))
    for name in spec.preset.test_server:
        submitted = [run for run, declared in spec.runs.items() if declared.evaluated_on == "test"]
        require(name, submitted, "run of the test server", where("test_server", name))


def _check_weights(spec: Spec, where: str) -> None:
    given = spec.preset.backbone_weights
    if given in BACKBONE_WEIGHTS:
        return
    if "/" not in given:
        require(given, BACKBONE_WEIGHTS, "source of backbones", where)
    if not (spec.root / given).is_dir():
        raise UserError(
            f"{where}: {given} is no folder. Name one of trained backbones, or {', '.join(BACKBONE_WEIGHTS)}."
        )


def _check_normalization(spec: Spec, where: str) -> None:
    """A preset that states a mean and deviation of its own beside weights from elsewhere would be passed over."""
    if spec.pretrains:
        return
    for name, own in spec.told_normalizations().items():
        if own != spec.preset.normalization:
            raise UserError(
                f"{where}: `backbone_weights: {spec.preset.backbone_weights}` gives '{name}', trained with "
                f"mean {list(own.mean)} and std {list(own.std)}. Its runs use those: say the same, or leave "
                "`normalization` out of this preset."
            )


def _check_asked_runs(spec: Spec, where: str) -> None:
    """A run that a preset names and cannot make would be missing in silence."""
    for name in spec.preset.runs or ():
        reason = spec.why_no_run(name)
        if reason is not None:
            raise UserError(f"{where}: run '{name}' cannot be made: {reason.removeprefix('not run: ')}.")


def _check_data(spec: Spec, file: Path) -> None:
    for name, folder in spec.datasets.folders.items():
        if folder.subset_of is not None:
            require(folder.subset_of, spec.datasets.folders, "data folder", f"{file}: folders.{name}.subset_of")
    needed: list[Publisher] = ["voc", "sbd"] if spec.folder.own is None else []
    if spec.has_coco:
        needed.append("coco")
    if spec.pretrains:
        needed.append("imagenet")
    for publisher in needed:
        if publisher not in spec.folder.archives:
            raise UserError(
                f"{file}: folders.{spec.preset.data}.archives has no '{publisher}', which preset "
                f"'{spec.preset.name}' needs"
                + ("; `backbone_weights` says where else backbones may come from." if publisher == "imagenet" else ".")
            )


def _check_run(spec: Spec, name: str, run: Run, where: str) -> None:
    if run.extends is None:
        require(str(run.backbone), spec.backbones, "backbone", f"{where}.backbone")
        require(str(run.decoder), spec.decoders, "decoder", f"{where}.decoder")
        return
    passed = [name]
    while run.extends is not None:
        require(run.extends, spec.runs, "run", f"{where}.extends")
        if run.extends in passed:
            raise UserError(f"{where}.extends itself through {' → '.join([*passed, run.extends])}.")
        passed.append(run.extends)
        run = spec.runs[run.extends]


def _check_measures(spec: Spec, params: Path) -> None:
    for name, table in spec.tables.items():
        for row in table.rows:
            for column, cell in row.cells.items():
                if cell.measure is not None:
                    where = f"{params / 'tables.yaml'}: {name}, row '{row.label}', column '{column}'"
                    _check_measure(spec, cell.measure, where)
    for name, claim in spec.claims.items():
        for measure in (*claim.plus, *claim.minus):
            _check_measure(spec, measure, f"{params / 'claims.yaml'}: {name}")
        if claim.given:
            require(claim.given, spec.claims, "claim", f"{params / 'claims.yaml'}: {name}")


def _check_measure(spec: Spec, measure: Measure, where: str) -> None:
    if measure.run is not None:
        require(measure.run, spec.runs, "run", where)
        split = spec.runs[measure.run].evaluated_on
        if (measure.metric == "test_miou") != (split == "test"):
            raise UserError(
                f"{where}: metric '{measure.metric}' of run '{measure.run}', which is evaluated on {split}; "
                f"its metric is '{'test_miou' if split == 'test' else 'miou'}'."
            )
    if measure.backbone is not None:
        require(measure.backbone, spec.backbones, "backbone", where)


def _check_network(make: Callable[[], object], where: str) -> None:
    try:
        make()
    except ValidationError as error:
        raise UserError(f"{where}: {error.errors()[0]['msg'].removeprefix('Value error, ')}.") from error
