"""What the paper declares: backbones, runs, tables and claims, with every value that it prints."""

from typing import Literal

from pydantic import Field, model_validator

from exfuse.spec.base import Frozen
from exfuse.spec.model import SUPERVISED, Blocks, Cardinality, Level, Prediction, Tap, Upsampling
from exfuse.spec.settings import Normalization, StageName

Metric = Literal["miou", "top1_error", "test_miou"]


class Backbone(Frozen):
    """An encoder of the paper at its real size."""

    title: str
    source: str
    """Where the paper (or the paper that it cites) states the architecture."""
    blocks: Blocks
    cardinality: Cardinality = 1
    base_width: Cardinality = 64
    squeeze_excitation: bool = False
    semantic_supervision: bool = False
    rearranged: bool = False
    """Whether the blocks are spread over the stages by the paper's layer rearrangement (LR)."""
    public_weights: str | None = None
    """timm's name of public ImageNet weights, where such exist."""
    public_normalization: Normalization | None = None
    """What images were normalised with when those weights were trained."""

    @model_validator(mode="after")
    def _public_weights_say_what_they_are_used_to(self) -> "Backbone":
        if (self.public_weights is None) != (self.public_normalization is None):
            raise ValueError("`public_weights` and `public_normalization` (their `mean` and `std`) belong together")
        return self


class DecoderSwitches(Frozen):
    """Which of the paper's parts a decoder has."""

    tap: Tap = Tap.TAIL
    upsampling: Upsampling = Upsampling.DECONVOLUTION
    semantic_embedding: bool = False
    prediction: Prediction = Prediction.PLAIN

    @property
    def supervised(self) -> bool:
        """Whether an auxiliary loss sits on the first up-sampled map."""
        return self.upsampling in SUPERVISED


class Run(Frozen):
    """A segmentation model of the paper: a backbone, a decoder and a chain of stages.

    A run that ``extends`` another goes on from that run's last stage: it shares backbone, decoder and stages.
    """

    title: str
    source: str
    backbone: str | None = None
    decoder: str | None = None
    levels: tuple[Level, ...] = (1, 2, 3, 4)
    extends: str | None = None
    stages: tuple[StageName, ...] = Field(min_length=1)
    evaluated_on: Literal["val", "test"] = "val"

    @model_validator(mode="after")
    def _stands_alone_or_extends(self) -> "Run":
        if self.extends is None and (self.backbone is None or self.decoder is None):
            raise ValueError("a run needs `backbone` and `decoder`, or `extends`")
        if self.extends is not None and (self.backbone is not None or self.decoder is not None):
            raise ValueError("a run that `extends` another has that run's `backbone` and `decoder`")
        if self.extends is not None and "levels" in self.model_fields_set:
            raise ValueError("a run that `extends` another has that run's `levels`")
        for stage in self.stages:
            if self.stages.count(stage) > 1:
                raise ValueError(f"stage '{stage}' stands twice")
        return self


class Measure(Frozen):
    """A number that this reproduction measures: a run's mIoU or a backbone's top-1 error, in percent."""

    run: str | None = None
    backbone: str | None = None
    metric: Metric = "miou"
    flip: bool = False

    @model_validator(mode="after")
    def _one_subject(self) -> "Measure":
        if (self.run is None) == (self.backbone is None):
            raise ValueError("name either `run` or `backbone`")
        if (self.metric == "top1_error") != (self.backbone is not None):
            raise ValueError("`top1_error` belongs to a backbone, the other metrics to a run")
        return self


class Cell(Frozen):
    """A printed number of a table and what measures it; without ``measure`` it is quoted from the literature."""

    paper: float
    measure: Measure | None = None


class Row(Frozen):
    """A row of a table: its label, the check marks of the printed table, and its cells by column."""

    label: str
    marks: tuple[str, ...] = ()
    cells: dict[str, Cell] = Field(min_length=1)


class Table(Frozen):
    """A table of the paper."""

    title: str
    caption: str
    note: str = ""
    marks: tuple[str, ...] = ()
    """Headings of the columns of check marks."""
    columns: dict[str, str]
    """Headings of the columns of numbers, by the name that cells use."""
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _cells_fit(self) -> "Table":
        for row in self.rows:
            for name in row.cells:
                if name not in self.columns:
                    raise ValueError(f"row '{row.label}' has a cell in '{name}', which is no column")
            for mark in row.marks:
                if mark not in self.marks:
                    raise ValueError(f"row '{row.label}' has a mark '{mark}', which is no heading")
        return self


class Claim(Frozen):
    """A sentence of the paper that two or four evaluations decide, or that can only be quoted.

    The measured effect is the sum of ``plus`` minus the sum of ``minus``, in percentage points.
    """

    text: str
    source: str
    kind: Literal["greater", "less", "no-difference", "not-less", "not-more", "quoted"]
    paper: float | None
    """The paper's difference in percentage points; none where it prints no number."""
    plus: tuple[Measure, ...] = ()
    minus: tuple[Measure, ...] = ()
    margin: float | None = Field(None, gt=0)
    """For ``no-difference``, ``not-less``, ``not-more``: the largest difference that still counts as none, points."""
    given: str = ""
    """A claim without which this one says nothing: what an improvement consists of needs an improvement."""
    why_margin: str = ""

    @model_validator(mode="after")
    def _complete(self) -> "Claim":
        if (self.kind == "quoted") == bool(self.plus or self.minus):
            raise ValueError("a quoted claim has no evaluations, every other claim has `plus` and `minus`")
        if self.kind != "quoted" and (len(self.plus) != len(self.minus) or len(self.plus) > 2):
            raise ValueError("a claim compares two or four evaluations")
        if (self.kind in ("no-difference", "not-less", "not-more")) != (self.margin is not None):
            raise ValueError(
                "`margin` belongs to claims of `no-difference`, `not-less` and `not-more`, and those need it"
            )
        if self.margin is not None and not self.why_margin:
            raise ValueError("`margin` is an assumption and needs `why_margin`")
        return self
