"""The declared reproduction with its preset: what Snakefile, command line, tables and report all ask."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from exfuse.errors import UserError
from exfuse.spec.base import LedgerEntry
from exfuse.spec.datasets import VOC_CLASSES, Datasets, Folder
from exfuse.spec.devices import Device
from exfuse.spec.fidelity import Fidelity
from exfuse.spec.model import BackboneSpec, DecoderSpec, ModelSpec, Prediction, SemanticSupervisionSpec
from exfuse.spec.names import require
from exfuse.spec.paper import Backbone, Claim, DecoderSwitches, Measure, Run, Table
from exfuse.spec.preset import Preset
from exfuse.spec.resources import Resources
from exfuse.spec.settings import FineTuning, Normalization, StageName
from exfuse.spec.statistics import Statistics
from exfuse.spec.weights import read_info

BACKBONE_WEIGHTS = ("imagenet", "public", "random")
"""Where backbones may come from, beside a folder of trained ones."""
NEEDS_IMAGENET = "not run: needs ImageNet"
NOT_ASKED = "not run: none of the preset's runs"


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
    fidelity: Fidelity
    datasets: Datasets
    backbones: Mapping[str, Backbone]
    decoders: Mapping[str, DecoderSwitches]
    runs: Mapping[str, Run]
    tables: Mapping[str, Table]
    claims: Mapping[str, Claim]
    statistics: Statistics
    devices: Mapping[str, Device]
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Values that the command line set in place of the preset's."""
    origins: Mapping[tuple[str, ...], Path] = field(default_factory=dict)
    """The file of every key that the preset declares or inherits; what stages share stands below ``common``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the preset keeps, background (of own data: the first class) first, in the masks' order."""
        kept = self.preset.classes
        return tuple(name for index, name in enumerate(self.all_classes) if index == 0 or kept is None or name in kept)

    @property
    def all_classes(self) -> tuple[str, ...]:
        """Every class of the prepared masks in the order of their labels: VOC's, or those of own data."""
        own = self.folder.own
        return VOC_CLASSES if own is None else own.classes

    @property
    def hard_classes(self) -> tuple[str, ...]:
        """Classes whose images are doubled for `trainval` (paper §4); own data have none."""
        return self.datasets.hard_classes if self.folder.own is None else ()

    @property
    def val_name(self) -> str:
        """What runs are scored on, in words."""
        return "VOC val" if self.folder.own is None else f"the validation images of {self.folder.title}"

    @property
    def caveat(self) -> str:
        """What a reader has to know before the numbers: the preset's own words, and what the data are."""
        sentences = [self.preset.caveat.strip()]
        if self.folder.own is not None:
            sentences.append(
                f"These numbers are of other data ({self.folder.title}), not of PASCAL VOC. The paper's values stand "
                "beside them for orientation only: a difference between the two says nothing."
            )
        if self.folder.subset_of is not None:
            whole = self.datasets.folders[self.folder.subset_of].title
            sentences.append(f"The images are a declared part of {whole}.")
        return " ".join(filter(None, sentences))

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

    def device(self, name: str) -> Device:
        """A device that a plan can be made for.

        Raises:
            UserError: there is none of the name, and which one is nearest.
        """
        require(name, self.devices, "device", "--device")
        return self.devices[name]

    def backbone_name(self, run: str) -> str:
        """The backbone that a run starts from."""
        declared = self.runs[run]
        return self.backbone_name(declared.extends) if declared.extends else str(declared.backbone)

    def normalization(self, backbone: str) -> Normalization:
        """What images are normalised with for a backbone and for all runs that start from it.

        It follows the weights: public ones and those of a folder were trained with a mean and deviation of their own,
        and mean something only with these. The preset's are for backbones that it trains itself, or not at all.

        Raises:
            UserError: weights in the preset's folder do not say what they were trained with.
        """
        if self.preset.backbone_weights == "public":
            public = self.backbones[backbone].public_normalization
            assert public is not None, f"{backbone} has no public weights"
            return public
        file = self.weights_file(backbone)
        return self.preset.normalization if file is None else read_info(file).normalization

    def told_normalizations(self) -> dict[str, Normalization]:
        """:meth:`normalization` of each backbone that the preset makes, without weights that do not tell theirs.

        Those are refused by the job that reads them.
        """
        found = {}
        for name in self.backbones:
            if self.why_no_backbone(name) is None:
                with suppress(UserError):
                    found[name] = self.normalization(name)
        return found

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
            reason = self.why_no_backbone(measure.backbone)
            return reason if self.pretrains or reason == NOT_ASKED else NEEDS_IMAGENET
        assert measure.run is not None
        return self.why_no_run(measure.run)

    def why_no_backbone(self, name: str) -> str | None:
        """Why the preset has no such backbone; none where it has."""
        asked = self.preset.runs
        if asked is not None and name not in {self.backbone_name(run) for run in asked}:
            return NOT_ASKED
        if self.preset.backbone_weights == "public" and self.backbones[name].public_weights is None:
            return NEEDS_IMAGENET
        file = self.weights_file(name)
        if file is not None and not file.is_file():
            return f"not run: no weights at {file}"
        return None

    def why_no_run(self, name: str) -> str | None:
        """Why the preset does not make a run; none where it does."""
        if self.preset.runs is not None and name not in self._with_extended(self.preset.runs):
            return NOT_ASKED
        reason = self.why_no_backbone(self.backbone_name(name))
        if reason is None and not self.has_coco and any(link.stage == "coco" for link in self.chain(name)):
            return "not run: needs COCO"
        return reason

    @property
    def pretrains(self) -> bool:
        """Whether backbones are trained on ImageNet here."""
        return self.preset.backbone_weights == "imagenet"

    @property
    def has_coco(self) -> bool:
        """Whether there are COCO images for stage ``coco``."""
        return self.preset.coco and self.folder.own is None

    def resources(self, rule: str) -> Resources:
        """What a job of a rule takes, as ``exfuse.spec.rules.rule_of`` names it.

        Raises:
            KeyError: there is no such rule.
        """
        return self.preset.taken(rule)

    def weights_file(self, backbone: str) -> Path | None:
        """A backbone's file in the folder of trained ones that the preset names; none where it names none."""
        given = self.preset.backbone_weights
        if given in BACKBONE_WEIGHTS:
            return None
        return self.root / given / backbone / "weights.safetensors"

    def _with_extended(self, names: Iterable[str]) -> set[str]:
        """Runs and those that they extend, whose stages they share."""
        return {link.run for name in names for link in self.chain(name)}
