"""Training: rates, where the time goes, and how near that is to other loops and to the device's limits.

    python -m benchmarks.training                                  # gcn-resnext101, exfuse, resnext101-ss of `mini`
    python -m benchmarks.training gcn-resnet50 --preset paper --threads 2 --rounds 3 --steps 2
    python -m benchmarks.training gcn-resnet50 exfuse resnet50 --preset paper --device cuda --batch 8

Each model trains in a process of its own with the project's loop. Rounds of steps alternate with those of

bare       the same model and batches in a loop written by hand (forward, loss, backward, clipping, optimizer)
reference  the same backbone as a classifier in a plain loop like torchvision's references, at the same image size; the
           ratio is that of multiply-accumulates a second (three forward passes on both sides), because a segmenter does
           more with an image

and a ratio is that of two rounds that follow each other. A training's multiply-accumulates are those of the forward and
the backward pass as the network is built, heads of semantic supervision and auxiliary losses included. The device's
limits, a large matrix product and a large copy, are measured first; the roofline of a step is the least time that its
operations take at these limits, one by one, or (fused) its convolutions and matrix products alone.

Times are the processor's where one thread computes, else the clock's.

waiting    share of a step in which the loop waits for its batch; only with prepared data (results/<preset>/data)
own        share of a step on a processor that is neither forward, backward, clipping, optimizer nor loading
memory     peak of the process with our loop alone; on a GPU what torch had allocated there
"""

import argparse
import io
import statistics
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.device_limits import Limits, measure_limits
from benchmarks.process_memory import MEBIBYTE, in_fresh_process, peak_bytes
from benchmarks.rounds import spread
from benchmarks.subjects import Options, Subject, hardware_of, subject
from benchmarks.training_loops import Rounds, bare_loop, own_shares, placed, reference_loop, reference_network
from exfuse.planning.work import update_bytes

MODELS = ("gcn-resnext101", "exfuse", "resnext101-ss")
GIGA = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was found about a model.

    Attributes:
        batch: images in a step.
        size: side of the images in pixels.
        step: seconds of a step in each round.
        waiting: share of each round, none where batches were made up.
        own: share of each round, none on a GPU.
        gmac: of a step.
        memory: bytes.
        to_bare: rate by the bare loop's, of each round.
        to_reference: multiply-accumulates a second by the reference's, of each round.
        reference: what network that was.
        roofline: seconds of a step at the limits, operation by operation.
        fused: the same, convolutions and matrix products alone.
    """

    batch: int
    size: int
    step: list[float]
    waiting: list[float] | None
    own: list[float] | None
    gmac: float
    memory: int
    to_bare: list[float]
    to_reference: list[float]
    reference: str
    roofline: float
    fused: float


def measure(name: str, options: Options, steps: int, rounds: int, limits: Limits) -> Measured:
    """Trains a model in this process."""
    found = subject(name, options)
    course, device = found.course, found.course.device
    parts = course.batch_size // course.micro_batch
    start = placed(found.model, device)
    kept: dict[str, int] = {}
    network, reference = reference_network(found.backbone, found.classes)
    reference_gmac = _gmac(network, found)

    def others() -> dict[str, Callable[[int], None]]:
        kept["memory"] = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_bytes()
        return {"bare": bare_loop(found, start), "reference": reference_loop(found, network)}

    counted = Rounds(found, steps, rounds)
    with redirect_stderr(io.StringIO()):  # its progress
        counted.run(others)
    ours = counted.seconds["ours"]
    momenta = 1 if course.optimizer.name == "sgd" else 2
    clipped = course.gradient_clip is not None
    update = update_bytes(found.work.gradient_bytes, momenta, clipped=clipped, parts=parts) / limits.bytes_per_s
    rates = limits.flops_per_s, limits.bytes_per_s
    gmac = parts * found.work.flops / 2 / GIGA
    three_passes = 3 * parts * found.work.forward_macs / GIGA
    return Measured(
        batch=course.batch_size,
        size=found.size,
        step=[seconds / steps for seconds in ours],
        waiting=[one / all_ for one, all_ in zip(counted.waiting, ours, strict=True)] if found.loaded else None,
        own=None if device.type == "cuda" else _own(found, steps, rounds),
        gmac=gmac,
        memory=kept["memory"],
        to_bare=[theirs / own for own, theirs in zip(ours, counted.seconds["bare"], strict=True)],
        to_reference=[
            theirs * three_passes / (own * reference_gmac)
            for own, theirs in zip(ours, counted.seconds["reference"], strict=True)
        ],
        reference=reference,
        roofline=parts * found.work.seconds(*rates) + update,
        fused=parts * found.work.seconds(*rates, fused=True) + update,
    )


def _own(found: Subject, steps: int, rounds: int) -> list[float]:
    with redirect_stderr(io.StringIO()):
        return own_shares(found, steps, rounds)


def _gmac(network: nn.Module, found: Subject) -> float:
    """Multiply-accumulates of a step of the reference: three forward passes, as the literature counts."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, 3, found.size, found.size))
    return 3 * found.course.batch_size * counter.get_total_flops() / 2 / GIGA


def print_measured(name: str, found: Measured) -> None:
    """All numbers of a model."""
    median = statistics.median(found.step)
    waiting = "made-up batches" if found.waiting is None else spread([100 * one for one in found.waiting], 1) + " %"
    lines = {
        "images/s": spread([found.batch / one for one in found.step], 1),
        "step, ms": spread([1000 * one for one in found.step], 1),
        "waiting": waiting,
        "own": "not on a GPU" if found.own is None else spread([100 * one for one in found.own], 1) + " %",
        "GMAC/s": f"{spread([found.gmac / one for one in found.step], 1)}  ({found.gmac:.2f} GMAC a step)",
        "memory": f"{found.memory / MEBIBYTE:.0f} MiB",
        "÷ bare loop": spread(found.to_bare, 3),
        "÷ reference": f"{spread(found.to_reference, 2)}  ({found.reference})",
        "÷ roofline": f"{found.roofline / median:.2f}, fused {found.fused / median:.2f}",
    }
    print(f"\n{name}: batches of {found.batch}, {found.size}×{found.size}")
    for title, value in lines.items():
        print(f"  {title:12} {value}")


def main() -> None:
    """Parses the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="runs and backbones of the preset")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, help="of torch on the CPU; else the preset's")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], help="else the preset's")
    parser.add_argument("--batch", type=int, help="images in a step, all at once; else the preset's")
    parser.add_argument("--steps", type=int, default=10, help="of a round")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds")
    parser.add_argument("--synthetic", action="store_true", help="made-up batches even where there are prepared data")
    parser.add_argument("--compile", action="store_true", help="our loop through torch.compile")
    given = parser.parse_args()
    options = Options(
        preset=given.preset, device=given.device, threads=given.threads, precision=given.precision, batch=given.batch,
        synthetic=given.synthetic, compile=given.compile,
    )  # fmt: skip
    limits = in_fresh_process(_limits, options)
    print(
        f"{given.device}, torch {torch.__version__}: {limits.flops_per_s / GIGA:.0f} GFLOP/s, "
        f"{limits.bytes_per_s / GIGA:.1f} GB/s; {given.rounds} rounds of {given.steps} steps, min / median / max"
    )
    for name in given.models:
        print_measured(name, in_fresh_process(measure, name, options, given.steps, given.rounds, limits))


def _limits(options: Options) -> Limits:
    hardware = hardware_of(options)
    torch.set_num_threads(hardware.threads)
    return measure_limits(torch.device(options.device), hardware.precision)


if __name__ == "__main__":
    main()
