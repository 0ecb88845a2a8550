"""A preset's numbers: how long, how large and how fast each part of the reproduction is trained."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, field_validator, model_validator

from exfuse.spec.base import Frozen, Hyperparameters
from exfuse.spec.model import (
    STRIDE,
    KernelSize,
    SupervisedLevels,
    WidthRatio,
)

Precision = Literal["float32", "bfloat16"]
StageName = Literal["coco", "trainaug", "train", "trainval"]
SMALLEST_STD, LARGEST_STD = 1e-3, 10.0
"""Of pixels in 0–1, whose own is 1/2 at most; 1/255 leaves them in 0–255."""


class Optimizer(Hyperparameters):
    """SGD with momentum, or AdamW (``momentum`` is its β₁)."""

    name: Literal["sgd", "adamw"]
    learning_rate: float = Field(gt=0)
    """Highest rate of the schedule."""
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)


class Schedule(Hyperparameters):
    """The rate as a function of the share of steps done."""

    name: Literal["poly", "step", "one-cycle"]
    power: float = Field(0.9, gt=0)
    """Exponent of ``poly``: rate · (1 − share)^power."""
    milestones: tuple[float, ...] = ()
    """Shares of the steps after which ``step`` divides the rate by ten."""
    warmup: float = Field(0.0, ge=0, lt=1)
    """Share of the steps over which the rate rises linearly (``one-cycle``: with a cosine)."""

    @field_validator("milestones")
    @classmethod
    def _milestones_lie_within(cls, milestones: tuple[float, ...]) -> tuple[float, ...]:
        if tuple(sorted(set(milestones))) != milestones or not all(0 < share < 1 for share in milestones):
            raise ValueError(f"must be ascending shares between 0 and 1, not {list(milestones)}")
        return milestones


def _in_pixels(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"must lie in 0–1, as pixels do, not {value:g}; divide values of 0–255 by 255")
    return value


def _keeps_numbers(value: float) -> float:
    if not SMALLEST_STD <= value <= LARGEST_STD:
        raise ValueError(
            f"must lie between {SMALLEST_STD:g} and {LARGEST_STD:g}, for pixels in 0–1, not {value:g}; divide values "
            "of 0–255 by 255"
        )
    return value


_Mean = Annotated[float, AfterValidator(_in_pixels)]
_Deviation = Annotated[PositiveFloat, AfterValidator(_keeps_numbers)]


class Normalization(Hyperparameters):
    """What is subtracted from and divided by in RGB images, in units of 0–1.

    Where nothing is divided by, ``std`` is 1, or 1/255 for a network that takes pixels in 0–255 (Caffe's models).
    """

    mean: tuple[_Mean, _Mean, _Mean]
    std: tuple[_Deviation, _Deviation, _Deviation]


class Pretraining(Hyperparameters):
    """ImageNet classification."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    micro_batch: int | None = Field(gt=0)
    """Images that go through the network at once, of which batch norm takes its statistics; none: the whole batch."""
    crop_size: int = Field(gt=0)
    """Side of the random resized crop, in pixels."""
    crop_area: float = Field(gt=0, le=1)
    """Smallest share of the image that such a crop covers."""
    optimizer: Optimizer
    schedule: Schedule
    gradient_clip: float | None = Field(gt=0)
    """Largest norm of the gradient; none: not clipped."""
    evaluation_resize: int = Field(gt=0)
    """Shorter side before the centre crop at evaluation, in pixels."""

    @model_validator(mode="after")
    def _parts_make_a_batch(self) -> "Pretraining":
        _require_parts(self.batch_size, self.micro_batch)
        return self

    @model_validator(mode="after")
    def _crop_fits_the_image(self) -> "Pretraining":
        if self.evaluation_resize < self.crop_size:
            raise ValueError(
                f"evaluation_resize {self.evaluation_resize} must be at least crop_size {self.crop_size}, "
                "which is cut from the image"
            )
        return self


class FineTuning(Hyperparameters):
    """One stage in a run's chain."""

    steps: int = Field(gt=0)
    wide_steps: int | None = Field(gt=0)
    """Steps of models whose decoder predicts neighbours (k² times as many channels); none: the same ``steps``."""
    batch_size: int = Field(gt=0)
    micro_batch: int | None = Field(gt=0)
    """As in :class:`Pretraining`."""
    crop_size: int = Field(gt=0, le=8192)
    """Side to which images are padded or randomly cropped, in pixels; also the padding at evaluation."""
    optimizer: Optimizer
    schedule: Schedule
    gradient_clip: float | None = Field(gt=0)
    batch_norm: Literal["train", "frozen", "synchronised"]
    """Trained with the statistics of a micro-batch; frozen; or trained with those of the whole batch, which several
    GPUs may share, each its part at once."""

    @field_validator("crop_size")
    @classmethod
    def _crop_fits_the_network(cls, size: int) -> int:
        if size % STRIDE:
            raise ValueError(f"must be a multiple of {STRIDE}, the network's stride, not {size}")
        return size

    @model_validator(mode="after")
    def _parts_make_a_batch(self) -> "FineTuning":
        _require_parts(self.batch_size, self.micro_batch)
        if self.batch_norm == "synchronised" and self.micro_batch is not None:
            raise ValueError(
                "batch_norm synchronised takes its statistics of the whole batch, so that micro_batch must be null"
            )
        return self

    @property
    def smallest_part(self) -> int:
        """Images of a batch that processes cannot share out further."""
        return 1 if self.batch_norm == "synchronised" else self.micro_batch or self.batch_size


def _require_parts(batch_size: int, micro_batch: int | None) -> None:
    if micro_batch is not None and batch_size % micro_batch:
        raise ValueError(f"micro_batch {micro_batch} must divide batch_size {batch_size}; null: the whole batch")


class Stages(Frozen):
    """The settings of every stage that a run's chain may hold."""

    coco: FineTuning
    trainaug: FineTuning
    train: FineTuning
    trainval: FineTuning


class Decoder(Hyperparameters):
    """The numbers that all decoders of a preset share."""

    gcn_kernel: KernelSize
    dap_kernel: KernelSize
    auxiliary_weight: float = Field(gt=0)


class SemanticSupervision(Hyperparameters):
    """The numbers that all SS heads of a preset share."""

    levels: SupervisedLevels
    width_ratio: WidthRatio
    loss_weight: float = Field(gt=0)


class Evaluation(Hyperparameters):
    """How validation images are scored."""

    boundary_width: float = Field(gt=0)
    """Pixels within this distance of a label change are boundary (GCN's split)."""


class Probes(Hyperparameters):
    """How Figure 1 is measured: linear probes on features of trained networks."""

    images: int = Field(gt=0)
    """Images of trainaug that the probes are fitted on, spread evenly over it; the numbers are those of all of val."""


class Hardware(Frozen):
    """What a job may take. Results depend on ``threads`` and ``precision``, which are part of keys, and in their last
    bits on the kind of device, which is not: it is in the provenance."""

    threads: int = Field(gt=0)
    """Threads of a training job; they change the order of sums, so they are part of its key."""
    precision: Precision = "float32"
    """Of forward and backward passes in training (bfloat16: torch's autocast); evaluation is always float32."""
    workers: int = Field(ge=0)
    """Loading processes beside a training job."""
    minutes_between_states: float = Field(10.0, gt=0)
    """A training that is killed loses at most this much; one that is asked to end loses nothing."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    deterministic: bool = False
    """Whether a GPU computes the same bits each time, which costs speed; a processor always does."""
    compile: bool = False
    """Whether trainings go through `torch.compile`: it takes minutes at first, needs a C++ compiler, and joins
    operations, which changes the last bits of the results as another device would. While it compiles, in the first
    step, no signal is heard."""

    def made_deterministic(self, wanted: bool) -> "Hardware":
        """The same, ``deterministic`` where that is wanted."""
        return self.model_copy(update={"deterministic": True}) if wanted else self
