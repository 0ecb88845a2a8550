"""One truth about freshness: what a changed value makes stale by the keys is what DVC runs by `dvc.yaml`.

Every leaf of ``params/`` is changed in turn, in memory. The keys are the spec's; `dvc.yaml` is the file in the
repository, followed by hand.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from exfuse.errors import UserError
from exfuse.pipeline import file as dvc_yaml
from exfuse.spec.graph import Graph
from exfuse.spec.load import load
from tests.pipeline.committed import Committed
from tests.pipeline.in_memory import InMemory
from tests.pipeline.leaves import Place, dotted, leaves, matching, others, put

ROOT = Path(__file__).resolve().parents[2]
FIRST = "pipeline"
"""The stage that compares `dvc.yaml` with ``params/``; what it makes is always the same."""

FILES = [
    *(f"{name}.yaml" for name in ("backbones", "claims", "datasets", "devices", "runs", "statistics", "tables")),
    *(f"fidelity/{name}.yaml" for name in ("hyperparameters", "parts", "sentences")),
    *(f"presets/{name}.yaml" for name in ("mini", "paper", "smoke", "voc")),
]
CASES = [
    *(("mini", name) for name in FILES if name != "fidelity/parts.yaml"),
    pytest.param("mini", "fidelity/parts.yaml", marks=pytest.mark.slow),  # 500 texts of the report
    ("smoke", "presets/smoke.yaml"),
    pytest.param("smoke", "presets/mini.yaml", marks=pytest.mark.slow),
    ("voc", "presets/voc.yaml"),
    ("voc", "presets/paper.yaml"),
    ("voc", "backbones.yaml"),
]
"""All files for one preset; for another those that say other things, and public weights on official archives."""

OTHER_STRUCTURE = {
    ("mini", "backbones.yaml"): ["resnet50-ss.semantic_supervision"],  # without it no weight of its loss is read
    # another stage makes what is measured
    ("mini", "claims.yaml"): ["*.plus.*.run", "*.minus.*.run", "*.plus.*.backbone", "*.minus.*.backbone"],
    ("mini", "datasets.yaml"): ["folders.mini.archives.*.file"],  # outputs of `archives`
    ("mini", "presets/mini.yaml"): ["extends", "data"],
    ("mini", "presets/paper.yaml"): ["seeds", "backbone_weights", "coco"],
    # other weights, other stages; or a part of the decoder that reads numbers of the preset which were read by none
    ("mini", "runs.yaml"): [
        "decoders.*.upsampling", "runs.*.backbone", "runs.*.decoder", "runs.*.extends", "runs.*.stages",
    ],
    ("mini", "tables.yaml"): ["*.measure.run", "*.measure.backbone"],
    ("smoke", "presets/mini.yaml"): ["extends"],
    ("smoke", "presets/smoke.yaml"): ["data"],
    ("voc", "presets/paper.yaml"): ["data", "seeds", "fine_tuning.common.wide_steps.value"],  # in place of `steps`
    ("voc", "presets/voc.yaml"): ["extends", "backbone_weights", "coco"],
}  # fmt: skip
"""Leaves that may change which stages there are, or what these read: `dvc.yaml` has to be written anew."""

SUPERVISED = ["resnet101-ss.semantic_supervision", "resne?t1?1-ss*.semantic_supervision"]
NO_OTHER_VALUE = {
    # four backbones carry taps of decoders that stand on semantic supervision
    ("mini", "backbones.yaml"): SUPERVISED,
    # of a backbone there is one number; a sentence that is only quoted measures nothing, and so cannot be decided
    ("mini", "claims.yaml"): ["*.metric", "over-*.kind"],
    # no other device is of its kind, or states no watts
    ("mini", "devices.yaml"): ["core.kind", "core.watts"],
    # have to stand in the quotation
    ("mini", "fidelity/hyperparameters.yaml"): ["stated.*.values.paper", "stated.*.values.GCN"],
    ("mini", "presets/paper.yaml"): ["resources.common.nodes"],  # no job may have several nodes and no GPU
    ("mini", "runs.yaml"): ["runs.*.evaluated_on"],  # Table 8 shows what the server returns
    ("mini", "tables.yaml"): ["*.measure.metric"],
    ("smoke", "presets/smoke.yaml"): ["extends"],  # its batches cannot be shared out as the others' are
    ("voc", "backbones.yaml"): SUPERVISED,
    ("voc", "presets/paper.yaml"): ["resources.common.nodes"],
}
"""Leaves that cannot be changed alone."""

STILL = {
    ("mini", "fidelity/sentences.yaml"): ["*"],
    ("mini", "presets/mini.yaml"): ["hardware.workers", "hardware.device", "resources.*"],
    ("mini", "presets/smoke.yaml"): ["*"],
    ("mini", "presets/voc.yaml"): ["*"],
    ("mini", "claims.yaml"): [],
    ("mini", "runs.yaml"): [],
    ("mini", "statistics.yaml"): [],
    ("mini", "tables.yaml"): [],
    ("smoke", "presets/smoke.yaml"): ["hardware.workers", "hardware.device"],
    ("voc", "presets/voc.yaml"): ["hardware.workers", "resources.*"],
    ("voc", "backbones.yaml"): ["*.rearranged"],
}
"""Leaves of which no result depends: all of a file that are such."""


@dataclass
class Found:
    """What came of changing the leaves of a file.

    Attributes:
        alike: leaves of which both engines run the same.
        still: those of them of which neither runs anything.
        refused: leaves that `dvc.yaml` does not serve; `exfuse dvc check` says so.
        invalid: leaves that no other value was found for.
        wrong: leaves of which the engines run different things, with these.
    """

    alike: list[str] = field(default_factory=list)
    still: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Comparison:
    """Both engines before a change and after it.

    Args:
        params: in use.
    """

    def __init__(self, params: InMemory) -> None:
        self.params = params
        self.before = params.graph()
        self.committed = Committed(params.root / dvc_yaml.FILE, params.preset)
        assert params.serves(self.before)

    def content(self, name: str) -> Any:
        """A file of ``params/`` as it is in the repository."""
        return self.params.trees[self.params.root / "params" / name]

    def of_file(self, name: str) -> Found:
        """What comes of changing each leaf of a file of ``params/``."""
        path, found = self.params.root / "params" / name, Found()
        for place, value in leaves(self.content(name)):
            where = dotted(place)
            after = next(self._valid(path, place, value), None)
            if after is None:
                found.invalid.append(where)
                continue
            graph, content = after
            served = self.params.serves(graph)
            (found.alike if served else found.refused).append(where)
            if served and self._by_keys(graph) == set():
                found.still.append(where)
            if difference := self._difference(path, content, graph, served):
                found.wrong.append(f"{where}: {difference}")
        return found

    def _valid(self, path: Path, place: Place, value: Any) -> Iterator[tuple[Graph, Any]]:
        for other in others(place, value):
            content = put(self.params.trees[path], place, other)
            with self.params.changed(path, content):
                try:
                    graph = self.params.graph()
                except UserError:
                    continue
            yield graph, content

    def _difference(self, path: Path, content: Any, graph: Graph, served: bool) -> str | None:
        relative = path.relative_to(self.params.root).as_posix()
        entries = self.committed.changed(relative, self.params.trees[path], content)
        if not served:
            return None if entries else "the structure is another, and no stage of dvc.yaml looks at it"
        by_keys = self._by_keys(graph)
        by_dvc = self.committed.downstream(entries, without=FIRST)
        if by_keys == by_dvc:
            return None
        return f"only by the keys: {sorted(by_keys - by_dvc)}; only in dvc.yaml: {sorted(by_dvc - by_keys)}"

    def _by_keys(self, graph: Graph) -> set[str]:
        """The stages of jobs whose key is another one than before."""
        manifests = [job.manifest for name, job in self.before.jobs.items() if graph.jobs[name].key != job.key]
        return {self.committed.maker(path.relative_to(self.params.root).as_posix()) for path in manifests}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``params/`` and `dvc.yaml` as they are in the repository, beside no data and no results."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(ROOT / "params", folder / "params")
    shutil.copy(ROOT / dvc_yaml.FILE, folder)
    return folder


@pytest.fixture(scope="module")
def root_of_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``params/`` and the `dvc.yaml` that is written for public weights; no official archive is there."""
    folder = tmp_path_factory.mktemp("voc")
    shutil.copytree(ROOT / "params", folder / "params")
    dvc_yaml.write(Graph(load(folder, "voc")), [])
    return folder


@pytest.fixture(scope="module")
def kept() -> dict[str, Comparison]:
    """By preset, what all its tests share."""
    return {}


@pytest.fixture
def comparison(
    request: pytest.FixtureRequest, kept: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch
) -> Comparison:
    preset: str = request.param
    if preset in kept:
        kept[preset].params.use(monkeypatch)
    else:
        params = InMemory(request.getfixturevalue("root_of_voc" if preset == "voc" else "root"), preset)
        params.use(monkeypatch)
        kept[preset] = Comparison(params)
    return kept[preset]


@pytest.mark.parametrize(("comparison", "name"), CASES, indirect=["comparison"])
def test_every_leaf_makes_stale_what_dvc_would_run(comparison: Comparison, name: str) -> None:
    found, case = comparison.of_file(name), (comparison.params.preset, name)
    assert not found.wrong
    every = [dotted(place) for place, _ in leaves(comparison.content(name))]
    assert len(found.alike) + len(found.refused) + len(found.invalid) == len(every)
    _require_named(found.refused, OTHER_STRUCTURE.get(case, []))
    _require_named(found.invalid, NO_OTHER_VALUE.get(case, []))
    if case in STILL:
        assert found.still == matching(STILL[case], every)


def test_no_file_is_left_out() -> None:
    """But a user's own presets; and `config.yaml`, which names a preset and is part of none."""
    there = {path.relative_to(ROOT / "params").as_posix() for path in (ROOT / "params").rglob("*.yaml")}
    assert {name for name in there if not name.startswith("presets/")} - set(FILES) == {"config.yaml"}
    assert set(FILES) <= there


def _require_named(found: Sequence[str], patterns: Sequence[str]) -> None:
    assert set(found) == set(matching(patterns, found))
