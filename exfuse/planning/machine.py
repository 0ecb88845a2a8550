"""What a plan is made for: a device of ``params/devices.yaml``, or this machine as it was measured."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from exfuse.errors import UserError
from exfuse.planning.bill import Terms
from exfuse.planning.measured import Measurement, read_measurement
from exfuse.planning.plan import Machine
from exfuse.planning.rates import EFFICIENCY, START_SECONDS, Roofline
from exfuse.spec.devices import Device
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Precision

GPU, CORE = "h200", "core"
"""Devices of a plan that names none: those whose peaks this project measured."""
LOWEST_RATE, HIGHEST_PRICE, MOST_DEVICES = 0.001, 1e9, 1_000_000
ALWAYS = (
    "a trained image costs three forward passes (GMAC); operations are those of convolutions and matrix products",
    "data are loaded in time; jobs that train nothing run beside those that do",
    "an image at evaluation fits into one pass of the training's size, once as it is and once mirrored",
    "peak memory is network, gradients, momentum, what is saved for the backward pass, and the largest operation; "
    "what CUDA itself and torch's allocator hold beside it is not in it",
    "a prepared photograph with its mask takes 125 kB, a prediction 6 kB",
)
COMPILED = "hardware.compile is not planned for: times and memory are those of eager torch"
SHARED = "several devices share a training at no loss"
WATTS = (
    "energy is that of the devices at their maximum, all the time (an upper bound), without host and cooling (PUE 1)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the command line says.

    Attributes:
        device: of ``params/devices.yaml``; none: this machine as measured, else the preset's kind.
        count: of devices; none: those of this machine, or one GPU.
        price: of a device hour.
        rate: share of the roofline that is reached; none: :data:`EFFICIENCY`.
    """

    device: str | None = None
    count: int | None = None
    price: float | None = None
    rate: float | None = None


def require_sensible(choice: Choice) -> None:
    """Whether the numbers can be planned with.

    Raises:
        UserError: they cannot.
    """
    if choice.count is not None and choice.count < 1:
        raise UserError(f"--count {choice.count}: a plan needs at least one device.")
    if choice.count is not None and choice.count > MOST_DEVICES:
        raise UserError(f"--count {choice.count}: give {MOST_DEVICES} devices at most.")
    if choice.price is not None and not 0 <= choice.price <= HIGHEST_PRICE:
        raise UserError(f"--price {choice.price:g}: give what a device costs an hour, 0 to {HIGHEST_PRICE:g}.")
    if choice.rate is not None and not LOWEST_RATE <= choice.rate <= 1:
        raise UserError(f"--rate {choice.rate:g}: give the share of the roofline that is reached, {LOWEST_RATE} to 1.")


def choose(graph: Graph, needed: Iterable[str], choice: Choice) -> tuple[Machine, Terms]:
    """What jobs run on, and on which terms.

    Args:
        graph: the preset's jobs.
        needed: keys of the networks whose rates are needed.
        choice: what was asked for.

    Raises:
        UserError: there is no such device.
    """
    if choice.device is None and choice.rate is None:
        found = read_measurement(graph.spec.root, graph.spec.preset.hardware)
        if found is not None and found.covers(needed):
            return _measured(graph, found, choice)
    name = choice.device or (CORE if graph.spec.preset.hardware.device == "cpu" else GPU)
    return _given(graph, graph.spec.device(name), choice)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _always(graph: Graph) -> tuple[str, ...]:
    return (*ALWAYS, COMPILED) if graph.spec.preset.hardware.compile else ALWAYS


def _measured(graph: Graph, found: Measurement, choice: Choice) -> tuple[Machine, Terms]:
    count = choice.count or (usable_cores() if found.cores else found.side_by_side)
    rates = (
        f"rates: measured on this machine on {found.when}, {found.side_by_side} trainings side by side "
        "(`exfuse plan --measure`)",
    )
    terms = Terms(
        preset=graph.spec.preset.name, device=found.device, rates=rates, assumed=_always(graph), watts=None,
        price=choice.price, memory_gb=None,
    )  # fmt: skip
    return Machine(count=count, cores=found.cores, rates=found.rates), terms


def _given(graph: Graph, device: Device, choice: Choice) -> tuple[Machine, Terms]:
    cores = device.kind == "core"
    share = choice.rate or EFFICIENCY
    source = "given" if choice.rate else "assumed"
    rates = (
        f"rates: {share:.0%} of the roofline ({source}; `--rate`), eager torch, "
        f"an operation begun every {START_SECONDS * 1e6:g} µs (assumed)",
        *_peaks(device, graph.spec.preset.hardware.precision),
    )
    terms = Terms(
        preset=graph.spec.preset.name,
        device=device.title,
        rates=rates,
        assumed=(*_always(graph), SHARED, *([WATTS] if device.watts else [])),
        watts=device.watts.value if device.watts else None,
        price=choice.price,
        memory_gb=device.memory_gb,
    )
    count = choice.count or (usable_cores() if cores else 1)
    return Machine(count=count, cores=cores, rates=Roofline(device, share)), terms


def _peaks(device: Device, precision: Precision) -> tuple[str, ...]:
    """The numbers of a device that its roofline is made of."""
    products = {"training and evaluation, float32": device.float32_tflops}
    if precision == "bfloat16":
        products = {"training, bfloat16": device.bfloat16_tflops, "evaluation, float32": device.float32_tflops}
    stated = [*((what, peak, "TFLOP/s") for what, peak in products.items()), ("memory", device.gbytes_per_s, "GB/s")]
    return tuple(
        f"{what}: {peak.value:g} {unit}, {'measured' if peak.measured else 'not measured'} ({peak.source})"
        for what, peak, unit in stated
    )
