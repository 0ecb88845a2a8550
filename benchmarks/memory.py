"""Memory of training steps at the paper's size, by network, batch and precision, and how it grows with the batch.

    python -m benchmarks.memory                                   # two networks, batches 1 and 2, float32, on the CPU
    python -m benchmarks.memory exfuse --batches 1 2 4 --precisions float32 bfloat16
    python -m benchmarks.memory exfuse --device cuda --batches 1 2 4 8

Each configuration trains two steps in a process of its own with the project's loop: SGD with momentum, the loss with
its auxiliary term, channels last, random images and masks. Of the second step, which finds gradients and momentum
in place:

parameters, gradients, momentum  the tensors themselves; batch norm's statistics count as parameters
saved                            what autograd keeps from the forward for the backward pass, each storage once
peak                             CPU: the most that the process ever had in memory, Python and torch included;
                                 GPU: the most that torch ever had allocated on the device
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from benchmarks.process_memory import MEBIBYTE, in_fresh_process, peak_bytes
from exfuse.models import build
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.spec.load import load
from exfuse.spec.settings import Precision
from exfuse.training.finetuning import Segmentation
from exfuse.training.loop import Course, train
from exfuse.training.losses import Losses

ROOT = Path(__file__).resolve().parent.parent
RUNS = ("gcn-resnet50", "gcn-resnext101")
STEPS = 2
COLUMNS = ("parameters", "gradients", "momentum", "saved", "peak")


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes, as the module's docstring says; ``start`` is what the process had before there was a network."""

    parameters: int
    gradients: int
    momentum: int
    saved: int
    peak: int
    start: int


class Saved:
    """Counts the storages that autograd keeps, apart from those of the network itself."""

    def __init__(self, network: nn.Module) -> None:
        self.known = {tensor.untyped_storage().data_ptr() for tensor in _tensors(network)}
        self.storages: dict[int, int] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.known:
            self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    def batches(self, images: Tensor, masks: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batch for every step; each starts to count anew."""
        for _ in range(STEPS):
            self.storages.clear()
            yield images, masks


@dataclass(frozen=True, slots=True)
class Watched(Segmentation):
    """Fine-tuning, with a look at what is saved for the backward pass."""

    saved: Saved

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        """As those of fine-tuning."""
        with saved_tensors_hooks(self.saved.pack, lambda tensor: tensor):
            return Segmentation.losses(self, images, targets, count)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _bytes(tensors: list[Tensor]) -> int:
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def measure(run: str, batch: int, precision: Precision, device_name: str, size: int, threads: int) -> Memory:
    """Trains two steps in this process and says what they took."""
    torch.set_num_threads(threads)
    device = torch.device(device_name)
    start = peak_bytes()
    preset = load(ROOT, "paper")
    network = place(build(preset.model(run)), device).train()
    settings = preset.fine_tuning(run, "trainaug").model_copy(update={"steps": STEPS, "batch_size": batch})
    hardware = preset.preset.hardware.model_copy(update={"precision": precision})
    images = torch.randint(256, (batch, 3, size, size), dtype=torch.uint8).contiguous(memory_format=MEMORY_FORMAT)
    masks = torch.randint(preset.model(run).num_classes, (batch, size, size), dtype=torch.uint8)
    saved = Saved(network)
    weight = network.spec.decoder.auxiliary_weight
    task = Watched(network, weight, preset.normalization(preset.backbone_name(run)), device, saved)
    train(network, lambda first: saved.batches(images, masks), task, Course.of(run, settings, hardware, device))
    gradients = _bytes([parameter.grad for parameter in network.parameters() if parameter.grad is not None])
    return Memory(
        parameters=_bytes(_tensors(network)),
        gradients=gradients,
        momentum=gradients,  # SGD keeps one value for each gradient
        saved=sum(saved.storages.values()),
        peak=torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_bytes(),
        start=0 if device.type == "cuda" else start,
    )


def print_growth(found: dict[int, Memory]) -> None:
    """What each further image adds."""
    for (small, less), (large, more) in pairwise(sorted(found.items())):
        steps = large - small
        peak, saved = (more.peak - less.peak) / steps, (more.saved - less.saved) / steps
        fixed = less.peak - small * peak
        print(
            f"  batch {small} → {large}: {peak / MEBIBYTE:.0f} MiB an image at the peak, "
            f"{saved / MEBIBYTE:.0f} of them saved; {fixed / MEBIBYTE:.0f} MiB whatever the batch"
        )


def main() -> None:
    """Parses the command line and prints a table for each network and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=RUNS, help=f"of params/runs.yaml ({', '.join(RUNS)})")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["float32"], choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=2, help="of torch on the CPU")
    parser.add_argument("--size", type=int, default=512, help="side of the images")
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"  # for the processes that measure
    for run, precision in product(arguments.runs, arguments.precisions):
        print(f"\n{run}, {precision}, {arguments.size}×{arguments.size}, {arguments.device}, MiB")
        print(f"{'batch':>5} " + " ".join(f"{column:>10}" for column in (*COLUMNS, "at start")), flush=True)
        found: dict[int, Memory] = {}
        for batch in arguments.batches:
            settings = (run, batch, precision, arguments.device, arguments.size, arguments.threads)
            try:
                found[batch] = memory = in_fresh_process(measure, *settings)
            except RuntimeError as error:
                print(f"{batch:5} {error}", flush=True)
                continue
            values = [getattr(memory, column) / MEBIBYTE for column in (*COLUMNS, "start")]
            print(f"{batch:5} " + " ".join(f"{value:10.0f}" for value in values), flush=True)
        print_growth(found)


if __name__ == "__main__":
    main()
