"""The declared reproduction with its preset: what Snakefile, command line, tables and report all ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exfuse.spec.base import LedgerEntry
from exfuse.spec.datasets import Datasets, Folder
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, Prediction, SemanticSupervisionSpec
from exfuse.spec.paper import Backbone, Claim, DecoderSwitches, Measure, Run, Table
from exfuse.spec.settings import FineTuning, Preset, StageName


@dataclass(frozen=True, kw_only=True)
class Link:
    """One stage in the chain of a run: the run that owns it (its own or one that it extends) and the stage's name."""

    run: str
    stage: StageName


@dataclass(frozen=True, kw_only=True)
class Spec:
    """All that ``params/`` declares, for one preset."""

    root: Path
    preset: Preset
    ledger: tuple[LedgerEntry, ...]
    datasets: Datasets
    backbones: Mapping[str, Backbone]
    decoders: Mapping[str, DecoderSwitches]
    runs: Mapping[str, Run]
    tables: Mapping[str, Table]
    claims: Mapping[str, Claim]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the preset keeps, background first, in VOC's order."""
        kept = self.preset.classes
        return tuple(
            name for index, name in enumerate(self.datasets.classes) if index == 0 or kept is None or name in kept
        )

    @property
    def folder(self) -> Folder:
        """The folder of archives that the preset reads."""
        return self.datasets.folders[self.preset.data]

    @property
    def archive_folder(self) -> Path:
        """Where the preset's archives lie."""
        given = self.preset.data_root
        return self.root / (given if given is not None else Path("data") / (self.folder.directory or self.preset.data))

    def backbone(self, name: str) -> BackboneSpec:
        """A backbone at the preset's size."""
        declared = self.backbones[name]
        numbers: dict[str, object] = {
            "blocks": declared.blocks,
            "cardinality": declared.cardinality,
            "base_width": declared.base_width,
            "squeeze_excitation": declared.squeeze_excitation,
        }
        for scale in (self.preset.backbones.get("common"), self.preset.backbones.get(name)):
            if scale is not None:
                numbers.update(scale.model_dump(exclude_none=True))
        if declared.semantic_supervision:
            shared = self.preset.semantic_supervision
            numbers["semantic_supervision"] = SemanticSupervisionSpec(**shared.model_dump())
        return BackboneSpec.model_validate(numbers)

    def model(self, run: str) -> ModelSpec:
        """A run's network at the preset's size."""
        declared = self.runs[run]
        if declared.extends is not None:
            return self.model(declared.extends)
        assert declared.backbone is not None and declared.decoder is not None
        switches = self.decoders[declared.decoder]
        numbers = self.preset.decoder.model_dump()
        # A number that this decoder never reads stays at its default: changing it must not make the run stale.
        if not switches.supervised:
            del numbers["auxiliary_weight"]
        if switches.prediction is Prediction.PLAIN:
            del numbers["dap_kernel"]
        decoder = DecoderSpec(levels=declared.levels, **numbers, **switches.model_dump())
        return ModelSpec(backbone=self.backbone(declared.backbone), decoder=decoder, num_classes=len(self.classes))

    def backbone_name(self, run: str) -> str:
        """The backbone that a run starts from."""
        declared = self.runs[run]
        return self.backbone_name(declared.extends) if declared.extends else str(declared.backbone)

    def chain(self, run: str) -> tuple[Link, ...]:
        """All stages of a run from its backbone on, those of the run that it extends first."""
        declared = self.runs[run]
        before = self.chain(declared.extends) if declared.extends else ()
        return (*before, *(Link(run=run, stage=stage) for stage in declared.stages))

    def fine_tuning(self, run: str, stage: StageName) -> FineTuning:
        """A stage's settings for a run, ``steps`` being those of its decoder's width."""
        settings: FineTuning = getattr(self.preset.fine_tuning, stage)
        wide = self.model(run).decoder.prediction is not Prediction.PLAIN
        steps = settings.wide_steps if wide and settings.wide_steps is not None else settings.steps
        return settings.model_copy(update={"steps": steps, "wide_steps": None})

    def why_not(self, measure: Measure) -> str | None:
        """Why the preset cannot make an evaluation; none where it can."""
        if measure.backbone is not None:
            return "not run: needs ImageNet" if self.preset.public_backbones else None
        assert measure.run is not None
        return self.why_no_run(measure.run)

    def why_no_backbone(self, name: str) -> str | None:
        """Why the preset has no such backbone; none where it has."""
        if not self.preset.public_backbones:
            return None
        if self.backbones[name].public_weights is None:
            return "not run: needs ImageNet"
        return None

    def why_no_run(self, name: str) -> str | None:
        """Why the preset does not make a run; none where it does."""
        reason = self.why_no_backbone(self.backbone_name(name))
        if reason is None and not self.preset.coco and any(link.stage == "coco" for link in self.chain(name)):
            return "not run: needs COCO"
        return reason
