"""Inference of a run's network against torchvision's ``fcn_resnet50``, per multiply-accumulate, in the same run.

    python -m benchmarks.inference                                # gcn-resnet50 at 512², one thread on the CPU
    python -m benchmarks.inference --compile                      # with compiled programs (needs a C++ compiler)
    python -m benchmarks.inference --run exfuse --rounds 1
    python -m benchmarks.inference --device cuda --batch 8 --bfloat16

Both networks have random weights, 21 classes and the same three forms, with the same conveniences: evaluation mode,
``torch.inference_mode``, channels last.

eager     as training leaves it, and as it is evaluated
folded    batch norm folded into the convolutions (``benchmarks.folding``), else eager
compiled  ``torch.compile`` with frozen weights, which folds, joins and lays out everything beforehand

Operations are multiply-accumulates, counted by ``torch.utils.flop_counter``. Images a second are by the clock,
operations a second by the processor's time (on a GPU by the clock), so that what else runs disturbs the ratios less.
``--profile`` prints where the time of the eager network goes instead.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.segmentation import fcn_resnet50

from benchmarks.folding import folded
from benchmarks.rounds import Rates, alternate, spread
from exfuse.models import build
from exfuse.models.placement import MEMORY_FORMAT, place
from exfuse.spec.load import load

ROOT = Path(__file__).resolve().parent.parent
CLASSES = 21
BASELINE = "fcn_resnet50"
GIGA = 10**9


def networks(run: str, device: torch.device) -> dict[str, nn.Module]:
    """Ours and the baseline, in evaluation mode."""
    ours = build(load(ROOT, "paper").model(run))
    theirs = fcn_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES)
    return {run: place(ours, device).eval(), BASELINE: place(theirs, device).eval()}


@dataclass
class Passes:
    """Forward passes of a program over the same images, and the seconds that each took.

    Attributes:
        program: a network, compiled or not.
        images: (N, 3, H, W).
        gmac: multiply-accumulates of one image, in units of 10⁹.
        frozen: whether the weights are frozen into the program, which torch does outside inference mode only.
        seconds: of each pass; of the processor on the CPU, whose other users then matter less, else of the clock.
    """

    program: Callable[[Tensor], object]
    images: Tensor
    gmac: float
    frozen: bool = False
    seconds: list[float] = field(default_factory=list)

    def __call__(self) -> int:
        """One pass, which has ended when this returns; gives the number of images."""
        clock = time.perf_counter if self.images.is_cuda else time.process_time
        start = clock()
        with torch.no_grad() if self.frozen else torch.inference_mode():
            self.program(self.images)
        if self.images.is_cuda:
            torch.cuda.synchronize()
        self.seconds.append(clock() - start)
        return len(self.images)

    def speeds(self) -> list[float]:
        """GMAC a second of each counted pass."""
        return [self.gmac * len(self.images) / seconds for seconds in self.seconds[1:]]


def forms(network: nn.Module, images: Tensor, compiled: bool) -> dict[str, Passes]:
    """The forms of a network, by name."""
    gmac = operations(network, images[:1])
    found = {"eager": Passes(network, images, gmac), "folded": Passes(folded(network), images, gmac)}
    if compiled:
        program = torch.compile(network, options={"freezing": True})
        found["compiled"] = Passes(program, images, gmac, frozen=True)
    return found


def operations(network: nn.Module, images: Tensor) -> float:
    """Multiply-accumulates of a pass, in units of 10⁹."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(images)
    return counter.get_total_flops() / 2 / GIGA


def print_table(ours: Mapping[str, Passes], theirs: Mapping[str, Passes], rates: Rates, run: str) -> None:
    """A line a program: images a second, operations a second, and the ratios of those to the baseline's."""
    width = max(map(len, rates))
    print(f"{'':{width}}  {'images/s':>20}  {'GMAC/s':>20}  ÷ {BASELINE} in the same form  ÷ {BASELINE}, eager")
    for name, values in rates.items():
        network, form = name.split(", ")
        speeds = (ours if network == run else theirs)[form].speeds()
        line = f"{name:{width}}  {spread(values, 2):>20}  {spread(speeds, 1):>20}"
        if network == run:
            for other in (theirs[form], theirs["eager"]):
                line += f"  {spread([one / two for one, two in zip(speeds, other.speeds(), strict=True)], 2):>29}"
        print(line)


def measure(arguments: argparse.Namespace) -> None:
    """Prints the table."""
    device = torch.device(arguments.device)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size, device=device)
    images = images.contiguous(memory_format=MEMORY_FORMAT)
    found: dict[str, dict[str, Passes]] = {}
    for name, network in networks(arguments.run, device).items():
        found[name] = forms(network, images, arguments.compile)
        parameters = sum(map(Tensor.numel, network.parameters())) / 1e6
        print(f"{name}: {found[name]['eager'].gmac:.1f} GMAC an image, {parameters:.1f} M parameters")
    programs = {f"{name}, {form}": passes for name, all_forms in found.items() for form, passes in all_forms.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=arguments.bfloat16):
        rates = alternate(programs, arguments.rounds)
    print_table(found[arguments.run], found[BASELINE], rates, arguments.run)


def print_profile(arguments: argparse.Namespace) -> None:
    """Where the time of our eager network goes, by operation and shape."""
    device = torch.device(arguments.device)
    network = networks(arguments.run, device)[arguments.run]
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size, device=device)
    run = Passes(network, images.contiguous(memory_format=MEMORY_FORMAT), 0.0)
    run()
    with profile(record_shapes=True) as recorded:
        run()
    key = f"self_{device.type}_time_total"
    for by_shape in (False, True):
        print(recorded.key_averages(by_shape).table(sort_by=key, row_limit=20, max_shapes_column_width=100))


def main() -> None:
    """Parses the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="gcn-resnet50", help="a run of params/runs.yaml")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=512, help="side of the images")
    parser.add_argument("--rounds", type=int, default=9, help="counted rounds")
    parser.add_argument("--bfloat16", action="store_true", help="under autocast; else float32")
    parser.add_argument("--compile", action="store_true", help="also compiled programs")
    parser.add_argument("--profile", action="store_true", help="print a profile of the eager network instead")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    precision = "bfloat16" if arguments.bfloat16 else "float32"
    where = arguments.device if arguments.device == "cuda" else f"CPU, {arguments.threads} threads"
    print(
        f"{where}, batch {arguments.batch}, {arguments.size}×{arguments.size}, {precision}, torch {torch.__version__}"
    )
    (print_profile if arguments.profile else measure)(arguments)


if __name__ == "__main__":
    main()
