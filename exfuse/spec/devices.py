"""Devices that a plan can be made for: ``params/devices.yaml``."""

from typing import Literal

from pydantic import Field, PositiveFloat

from exfuse.spec.base import Frozen
from exfuse.spec.settings import Precision


class Peak(Frozen):
    """A number of a device with its origin.

    Attributes:
        value: in the unit that the key's name says.
        source: who says so.
        measured: by this project, or as a publisher states it.
    """

    value: PositiveFloat
    source: str = Field(min_length=1)
    measured: bool


class Device(Frozen):
    """One accelerator, or one core of a processor."""

    title: str
    kind: Literal["gpu", "core"] = "gpu"
    names: tuple[str, ...] = ()
    """What its driver calls it; other models of one series draw other powers."""
    bfloat16_tflops: Peak
    """Of dense products, with float32 sums."""
    float32_tflops: Peak
    """Of dense products of float32 tensors as torch does them: TF32 in convolutions, where a GPU has it."""
    gbytes_per_s: Peak
    """Of its memory."""
    memory_gb: PositiveFloat | None
    """None: the machine's own decides."""
    watts: Peak | None
    """At most; None: not stated."""

    def flops_per_s(self, precision: Precision) -> float:
        """Peak of the products of a pass."""
        return 1e12 * (self.bfloat16_tflops if precision == "bfloat16" else self.float32_tflops).value

    @property
    def bytes_per_s(self) -> float:
        """Peak of the memory."""
        return 1e9 * self.gbytes_per_s.value
