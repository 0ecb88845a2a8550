"""Which entries of ``params/`` each job depends on by itself, without what comes to it from jobs upstream.

What a job reads is written twice: as values in its settings (``exfuse.spec.graph``), of which its key is made, and here
as places in files, which DVC watches. A test changes every leaf of ``params/`` and holds the two together.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from exfuse.spec.graph import EXFUSE, PROBED_RUNS, SPLIT_TABLES, Graph
from exfuse.spec.graph.inspection import BASELINE
from exfuse.spec.graph.reporting import OFFICIAL
from exfuse.spec.load import preset_files
from exfuse.spec.model import Prediction
from exfuse.spec.yaml import KeyPath

SCALED = ("blocks", "channels", "stem_width", "cardinality", "base_width")
"""What a preset may change in a backbone."""
COMMON = ("fine_tuning", "common")
FIDELITY = ("parts.yaml", "hyperparameters.yaml")


class Entry(NamedTuple):
    """A place in a file of ``params/``.

    Attributes:
        key: keys from the outermost on, joined by dots; empty: the whole file.
        file: relative to the repository's root.
    """

    key: str
    file: str


class Entries:
    """What the jobs of a preset depend on.

    Args:
        graph: the preset's jobs.
    """

    def __init__(self, graph: Graph) -> None:
        self._spec = graph.spec
        origins = graph.spec.origins
        self._sourced = {key[:-1] for key in origins if key[-1] == "value"}
        groups = {key[:length] for key in origins for length in range(1, len(key))}
        self._leaves = {
            key for key in origins if key in self._sourced or (key not in groups and not self._is_below_sourced(key))
        }
        self._below: dict[KeyPath, list[KeyPath]] = {}
        for key in self._leaves:
            for length in range(1, len(key) + 1):
                self._below.setdefault(key[:length], []).append(key)
        self._files = {path: path.relative_to(graph.spec.root).as_posix() for path in set(origins.values())}

    def of(self, job: str) -> frozenset[Entry]:
        """The entries of a job; ``figures`` are those of all figures together."""
        return frozenset(self._of(*job.split("/")))

    def _of(self, kind: str, name: str = "", *rest: str) -> Iterator[Entry]:
        if kind == "archives":
            yield from self._preset("data")
            yield self._folder("generated")
        elif kind == "data":
            yield from self._prepared("/".join((name, *rest)))
        elif kind == "backbones":
            yield from self._backbone(name)
        elif kind == "runs":
            yield from self._run(name, rest[1], rest[2:])
        elif kind == "models":
            yield from self._models(name)
        else:
            yield from self._shown()
            yield from self._printed(kind, name)

    def _prepared(self, name: str) -> Iterator[Entry]:
        if name == "coco":
            yield from self._preset("classes")
        elif name == "own":
            yield self._folder("own")
        elif name == "sets/trainval" and self._spec.folder.own is None:
            yield from self._preset("classes")
            yield Entry("hard_classes", "params/datasets.yaml")

    def _backbone(self, name: str) -> Iterator[Entry]:
        yield from self._architecture(name)
        yield from self._normalization(name)
        yield from self._preset("backbone_weights")
        if self._spec.preset.backbone_weights == "public":
            yield Entry(f"{name}.public_weights", "params/backbones.yaml")
        if self._spec.pretrains:
            yield from self._preset("pretraining")
            yield from self._hardware()

    def _run(self, name: str, stage: str, scored: tuple[str, ...]) -> Iterator[Entry]:
        if scored:
            if scored == ("val",):
                yield from self._preset("evaluation")
            return
        yield from self._model(name)
        yield from self._preset("classes")
        yield from self._fine_tuning(name, stage)
        yield from self._normalization(self._spec.backbone_name(name))
        yield from self._hardware()

    def _models(self, name: str) -> Iterator[Entry]:
        if name == "probes":
            yield from (*self._preset("probes"), *self._preset("classes"))
            return
        for run in (EXFUSE, BASELINE) if name == "architecture" else self._spec.runs:
            yield from self._model(run)
        if name == "costs":
            for backbone in self._spec.backbones:
                yield from self._architecture(backbone)
        elif "classes" in self._spec.folder.counts.get("imagenet", {}):
            yield self._folder("counts.imagenet.classes")
        yield from (*self._preset("classes"), *self._preset("pretraining", "crop_size"))
        yield from self._stage("trainaug", "crop_size")

    def _shown(self) -> Iterator[Entry]:
        """What is said with every table and figure."""
        yield from self._preset("seeds")
        if self._spec.folder.own is not None:
            yield from (*self._preset("data"), self._folder("title"))

    def _caveat(self) -> Iterator[Entry]:
        yield from self._preset("caveat")
        if (whole := self._spec.folder.subset_of) is not None:
            yield from (*self._preset("data"), self._folder("subset_of"))
            yield Entry(f"folders.{whole}.title", "params/datasets.yaml")

    def _printed(self, kind: str, name: str) -> Iterator[Entry]:
        if kind == "tables":
            yield from self._caveat()
            yield Entry(name, "params/tables.yaml")
            cells = [cell for row in self._spec.tables[name].rows for cell in row.cells.values()]
            if any(cell.measure and cell.measure.metric == "test_miou" for cell in cells):
                yield from self._preset("test_server")
        elif kind == "claims":
            yield from (Entry("", f"params/{name}.yaml") for name in ("claims", "statistics"))
        elif kind == "figures":
            yield from self._figures()
        elif kind == "gallery":
            yield from self._preset("classes")
        elif kind == "report":
            yield from self._report()

    def _figures(self) -> Iterator[Entry]:
        yield from self._preset("classes")
        yield from (Entry(f"runs.{run}.title", "params/runs.yaml") for run in PROBED_RUNS)
        yield from (Entry(f"{name}.rows", "params/tables.yaml") for name in SPLIT_TABLES if name in self._spec.tables)

    def _report(self) -> Iterator[Entry]:
        yield from (*self._caveat(), *self._preset("description"))
        yield from (*self._preset("data"), self._folder("title"))
        for key in self._used(self._sourced):
            if key[0] != "normalization" or self._spec.pretrains or self._spec.preset.backbone_weights == "random":
                yield Entry(".".join(key), self._file(key))
        yield from (Entry("", f"params/fidelity/{file}") for file in FIDELITY)
        yield Entry("", "params/devices.yaml")
        yield from self._published()
        for name in self._spec.backbones:
            for field in ("title", "source", "public_weights"):
                yield from self._declared(name, field)
            if self._spec.why_no_backbone(name) is None:
                yield from self._normalization(name)
        for name in self._spec.runs:
            yield from (Entry(f"runs.{name}.{key}", "params/runs.yaml") for key in ("title", "source"))

    def _published(self) -> Iterator[Entry]:
        """Sizes of the publishers' sets, with which the page compares its own."""
        datasets = self._spec.datasets
        if self._spec.folder.own is not None or OFFICIAL not in datasets.folders:
            return
        if "sets" in datasets.folders[OFFICIAL].model_fields_set:
            yield Entry(f"folders.{OFFICIAL}.sets", "params/datasets.yaml")
        if "gcn_images" in datasets.model_fields_set:
            yield Entry("gcn_images", "params/datasets.yaml")

    def _architecture(self, name: str) -> Iterator[Entry]:
        declared, scales = self._spec.backbones[name], self._spec.preset.backbones
        for field in SCALED:
            for group in (name, "common"):
                if group in scales and field in scales[group].model_fields_set:
                    yield from self._preset("backbones", group, field)
                    if getattr(scales[group], field) is not None:
                        break
            else:
                yield from self._declared(name, field)
        yield from self._declared(name, "squeeze_excitation")
        yield from self._declared(name, "semantic_supervision")
        if declared.semantic_supervision:
            yield from self._preset("semantic_supervision")

    def _declared(self, backbone: str, field: str) -> Iterator[Entry]:
        if field in self._spec.backbones[backbone].model_fields_set:
            yield Entry(f"{backbone}.{field}", "params/backbones.yaml")

    def _normalization(self, backbone: str) -> Iterator[Entry]:
        if self._spec.preset.backbone_weights == "public":
            yield Entry(f"{backbone}.public_normalization", "params/backbones.yaml")
        elif self._spec.weights_file(backbone) is None:
            yield from self._preset("normalization")

    def _model(self, run: str) -> Iterator[Entry]:
        declared = self._spec.runs[run]
        for field in ("extends", "backbone", "decoder", "levels"):
            if field in declared.model_fields_set:
                yield Entry(f"runs.{run}.{field}", "params/runs.yaml")
        if declared.extends is not None:
            yield from self._model(declared.extends)
            return
        assert declared.backbone is not None and declared.decoder is not None
        yield Entry(f"decoders.{declared.decoder}", "params/runs.yaml")
        switches = self._spec.decoders[declared.decoder]
        yield from self._preset("decoder", "gcn_kernel")
        if switches.prediction is not Prediction.PLAIN:
            yield from self._preset("decoder", "dap_kernel")
        if switches.supervised:
            yield from self._preset("decoder", "auxiliary_weight")
        yield from self._architecture(declared.backbone)

    def _fine_tuning(self, run: str, stage: str) -> Iterator[Entry]:
        settings = getattr(self._spec.preset.fine_tuning, stage)
        wide = self._spec.model(run).decoder.prediction is not Prediction.PLAIN
        unread = set() if wide else {"wide_steps"}
        if wide and settings.wide_steps is not None:
            unread = {"steps"}
        for field in type(settings).model_fields:
            if field not in unread:
                yield from self._stage(stage, field)

    def _stage(self, stage: str, *path: str) -> Iterator[Entry]:
        """Settings of a stage, each where it stands: the stage's own, or else what all share."""
        own, shared = ("fine_tuning", stage, *path), (*COMMON, *path)
        replaced = {(*COMMON, *key[2:]) for key in self._below.get(own, ())}
        yield from self._preset(*own)
        yield from self._entries(key for key in self._below.get(shared, ()) if key not in replaced)

    def _hardware(self) -> Iterator[Entry]:
        yield from (*self._preset("hardware", "threads"), *self._preset("hardware", "precision"))

    def _preset(self, *path: str) -> Iterator[Entry]:
        """A value of the preset, or all values of a group."""
        yield from self._entries(self._below.get(path, ()))

    def _entries(self, leaves: Iterable[KeyPath]) -> Iterator[Entry]:
        for key in leaves:
            place = (*key, "value") if key in self._sourced else key
            yield Entry(".".join(place), self._file(place))

    def _used(self, keys: set[KeyPath]) -> set[KeyPath]:
        """Without what all stages share and none takes."""
        stages = {key[1] for key in keys if key[0] == "fine_tuning"} - {"common"}
        return {
            key
            for key in keys
            if key[:2] != COMMON or any(("fine_tuning", stage, *key[2:]) not in self._leaves for stage in stages)
        }

    def _folder(self, key: str) -> Entry:
        return Entry(f"folders.{self._spec.preset.data}.{key}", "params/datasets.yaml")

    def _file(self, key: KeyPath) -> str:
        return self._files[self._spec.origins[key]]

    def _is_below_sourced(self, key: KeyPath) -> bool:
        return any(key[:length] in self._sourced for length in range(1, len(key)))


def structure(graph: Graph) -> frozenset[Entry]:
    """The files, whole, that say which jobs there are, or may come to say more: a new key stands nowhere else."""
    root = graph.spec.root
    chain = {Entry("", path.relative_to(root).as_posix()) for path in preset_files(root, graph.spec.preset.name)}
    return frozenset(chain | {Entry("", f"params/{name}.yaml") for name in ("runs", "backbones", "datasets")})
