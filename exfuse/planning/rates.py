"""How fast work is done: from a device's roofline, or as measured on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from exfuse.planning.demands import Course
from exfuse.planning.subjects import Subject
from exfuse.planning.work import Work, update_bytes
from exfuse.spec.devices import Device

EFFICIENCY = 0.6
"""Share of the roofline that trainings are assumed to reach: the least that this project asks of itself."""
START_SECONDS = 10e-6
"""Assumed: what eager torch takes to start an operation. Small batches wait for that, however fast the device is."""


class Rates(Protocol):
    """What a plan asks."""

    def step_seconds(self, course: Course, work: Work, processes: int) -> float:
        """A step of a training that so many devices share."""
        ...

    def pass_seconds(self, subject: Subject, work: Work) -> float:
        """An image through a network in an evaluation."""
        ...

    def start_seconds(self, torch: bool) -> float:
        """What a job takes beside its work: imports, the spec, a network, data sets."""
        ...


@dataclass(frozen=True, slots=True)
class Roofline:
    """A share of a device's roofline, eager traffic (:meth:`Work.seconds`), and no faster than operations are started.

    Attributes:
        device: whose peaks are taken.
        share: of the roofline that is reached, in 0–1.
        start: as :meth:`Rates.start_seconds`, by whether a job needs torch.
    """

    device: Device
    share: float
    start: tuple[float, float] = (0.7, 8.0)

    def step_seconds(self, course: Course, work: Work, processes: int) -> float:
        """Passes are shared out evenly; the sums of gradients between devices are taken to be free."""
        device = self.device
        passes = work.seconds(device.flops_per_s(course.subject.precision), device.bytes_per_s)
        parts = max(1, course.parts // processes)
        update = update_bytes(work.gradient_bytes, course.momenta, clipped=course.clipped, parts=parts)
        started = (work.forward.operations + work.backward.operations) * START_SECONDS
        return max(passes / self.share, started) * course.parts / processes + update / device.bytes_per_s / self.share

    def pass_seconds(self, subject: Subject, work: Work) -> float:
        """Evaluation is float32: after a training in bfloat16 its tensors are twice as large."""
        larger = 2 if subject.precision == "bfloat16" else 1
        seconds = work.forward.seconds(self.device.flops_per_s("float32"), self.device.bytes_per_s / larger)
        return max(seconds / self.share, work.forward.operations * START_SECONDS) / work.images

    def start_seconds(self, torch: bool) -> float:
        """Assumed."""
        return self.start[torch]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds that trainings took on this machine with as many of them side by side as a run has.

    Attributes:
        parts: seconds of a micro-batch with its share of the optimizer's step, by the subject's key.
        passes: seconds of an image in an evaluation, by the subject's key.
        start: as :class:`Roofline` has it.
        threads: of each training, which were timed together: cores that one process holds.
    """

    parts: Mapping[str, float]
    passes: Mapping[str, float]
    start: tuple[float, float]
    threads: int = 1

    def step_seconds(self, course: Course, work: Work, processes: int) -> float:
        """As measured, shared out evenly."""
        del work
        return self.parts[course.subject.key] * course.parts / max(1, processes // self.threads)

    def pass_seconds(self, subject: Subject, work: Work) -> float:
        """As measured."""
        del work
        return self.passes[subject.key]

    def start_seconds(self, torch: bool) -> float:
        """As measured."""
        return self.start[torch]
