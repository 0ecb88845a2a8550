"""A preset: all the numbers of a reproduction's size, which data it takes, and where it runs."""

from pydantic import Field, field_validator, model_validator

from exfuse.spec.base import Frozen, Hyperparameters
from exfuse.spec.model import Blocks, Cardinality, Planes, Width
from exfuse.spec.resources import Resources, ResourcesByRule, require_shareable
from exfuse.spec.settings import (
    Decoder,
    Evaluation,
    FineTuning,
    Hardware,
    Normalization,
    Pretraining,
    Probes,
    SemanticSupervision,
    Stages,
)


class BackboneScale(Hyperparameters):
    """What a preset changes in a backbone of ``backbones.yaml``; nothing named, nothing changed."""

    blocks: Blocks | None = None
    channels: Planes | None = None
    stem_width: Width | None = None
    cardinality: Cardinality | None = None
    base_width: Cardinality | None = None


class ServerScore(Frozen):
    """What the VOC test server returned for a submission, as a person enters it."""

    miou: float = Field(ge=0, le=100)
    """Percent, as the server prints it."""
    key: str
    """The submission's key (``test.manifest.json`` beside it); a score of another one does not count."""


class Preset(Frozen):
    """How big the reproduction is."""

    name: str
    description: str
    caveat: str = ""
    """What a reader has to know about the numbers; shown on top of the report."""
    data: str
    """A folder of ``datasets.yaml``."""
    data_root: str | None = None
    """Where the archives lie; none: ``data/<folder>``."""
    seeds: int = Field(gt=0)
    classes: tuple[str, ...] | None = Field(None, min_length=1)
    """Object classes that are kept (others become the first, background); none: all."""
    runs: tuple[str, ...] | None = Field(None, min_length=1)
    """Runs that are made, with the backbones that they start from; none: all."""
    backbone_weights: str = "imagenet"
    """Where backbones come from: ``imagenet`` (pretrained here), ``public`` (timm's weights; runs that need SS or LR
    are then not run), ``random`` (untrained), or a folder of trained ones such as ``results/paper/backbones``."""
    coco: bool = True
    """Whether COCO is available; runs with a ``coco`` stage are not run otherwise."""
    normalization: Normalization
    pretraining: Pretraining
    fine_tuning: Stages
    decoder: Decoder
    semantic_supervision: SemanticSupervision
    evaluation: Evaluation
    probes: Probes
    backbones: dict[str, BackboneScale] = Field(default_factory=dict)
    """Changes by backbone name; ``common`` applies to all before."""
    hardware: Hardware
    resources: ResourcesByRule = ResourcesByRule()
    """What jobs take, by rule; ``common`` holds for all that say nothing else."""
    test_server: dict[str, ServerScore] = Field(default_factory=dict)
    """Scores by run; a preset does not inherit those of the preset that it extends."""

    @field_validator("classes")
    @classmethod
    def _no_class_twice(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in classes or ():
            if (classes or ()).count(name) > 1:
                raise ValueError(f"class '{name}' stands twice")
        return classes

    def taken(self, rule: str) -> Resources:
        """What a job of a rule takes: no GPU where none is used, and one process where a backbone is only fetched."""
        found = self.resources.of(rule)
        if self.hardware.device == "cpu":
            found = found.model_copy(update={"gpus": 0})
        if rule == "pretrain" and self.backbone_weights != "imagenet":
            found = found.model_copy(update={"gpus": min(found.gpus, 1), "processes": 1, "nodes": 1})
        return found

    @model_validator(mode="after")
    def _processes_share_batches(self) -> "Preset":
        if self.backbone_weights == "imagenet":
            batch = self.pretraining
            require_shareable("pretrain", self.taken("pretrain"), "pretraining", batch.batch_size, batch.micro_batch)
        for name in Stages.model_fields:
            stage: FineTuning = getattr(self.fine_tuning, name)
            taken = self.taken("finetune")
            require_shareable("finetune", taken, f"fine_tuning.{name}", stage.batch_size, stage.smallest_part)
        return self
