"""Densely Adjacent Prediction, forward and backward, against a plain loop of padded slices and one pass over memory.

    python -m benchmarks.dap                        # one thread on the CPU
    python -m benchmarks.dap --device cuda          # on a GPU
    python -m benchmarks.dap --size 512 --batch 1   # the map of a 512×512 image

The loop is Equation 3 as one would write it down: pad the maps, add k² slices of them, divide. Autograd then makes a
gradient of the full size for each slice. One pass, the lower bound, is ``maps * 2``: it reads and writes every value
once, forward and backward. All sides run eagerly on the same maps, in float32, contiguous and channels last.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.process_memory import MEBIBYTE, forget_peak, in_fresh_process, peak_bytes, resident_bytes
from benchmarks.rounds import alternate, print_rates, spread
from exfuse.models.dap import densely_adjacent_prediction

CLASSES, KERNEL = 21, 3
CALLS = 5
"""Calls in a round."""
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
OURS, LOOP, PASS = "exfuse", "loop of padded slices", "one pass (maps * 2)"


def slice_loop(maps: Tensor) -> Tensor:
    """Equation 3, written plainly."""
    half, height, width = KERNEL // 2, maps.shape[2], maps.shape[3]
    channels = maps.shape[1] // KERNEL**2
    padded = F.pad(maps, (half, half, half, half))
    slices = [
        padded[:, index * channels : (index + 1) * channels, row : row + height, column : column + width]
        for index, (row, column) in enumerate((row, column) for row in range(KERNEL) for column in range(KERNEL))
    ]
    total = slices[0]
    for values in slices[1:]:
        total = total + values
    return total / KERNEL**2


PROGRAMS: dict[str, Callable[[Tensor], Tensor]] = {
    OURS: lambda maps: densely_adjacent_prediction(maps, KERNEL),
    LOOP: slice_loop,
    PASS: lambda maps: maps * 2,
}


def inputs(program: str, layout: str, batch: int, size: int, device: str) -> tuple[Tensor, Tensor]:
    """Maps (N, 189, H, W), and a gradient of what the program makes of them."""
    memory_format = LAYOUTS[layout]
    shape = (batch, CLASSES * KERNEL**2, size, size)
    maps = torch.randn(shape, device=device).contiguous(memory_format=memory_format).requires_grad_()
    channels = shape[1] if program == PASS else CLASSES
    gradient = torch.randn((batch, channels, size, size), device=device)
    return maps, gradient.contiguous(memory_format=memory_format)


def measure_time(layout: str, batch: int, size: int, device: str, rounds: int) -> None:
    """Prints calls a second and the ratios of times."""

    def calls(program: str) -> Callable[[], int]:
        maps, gradient = inputs(program, layout, batch, size, device)

        def run() -> int:
            for _ in range(CALLS):
                maps.grad = None
                PROGRAMS[program](maps).backward(gradient)
            if maps.is_cuda:
                torch.cuda.synchronize()
            return CALLS

        return run

    rates = alternate({program: calls(program) for program in PROGRAMS}, rounds)
    print_rates(f"{layout}: forward and backward", rates, LOOP, unit="calls/s")
    for other in (LOOP, PASS):
        ratios = [theirs / ours for ours, theirs in zip(rates[OURS], rates[other], strict=True)]
        print(f"  time of {OURS} ÷ time of {other}: {spread(ratios, 2)}")


def peak_of(program: str, layout: str, batch: int, size: int, device: str, threads: int) -> int:
    """Bytes that one forward and backward pass needs at its peak, beyond the maps and the gradient of the result."""
    torch.set_num_threads(threads)
    small = inputs(program, layout, 1, 8, device)
    PROGRAMS[program](small[0]).backward(small[1])  # whatever is loaded on first use
    maps, gradient = inputs(program, layout, batch, size, device)
    if maps.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        PROGRAMS[program](maps).backward(gradient)
        return torch.cuda.max_memory_allocated() - before
    forget_peak()
    before = resident_bytes()
    PROGRAMS[program](maps).backward(gradient)
    return peak_bytes() - before


def main() -> None:
    """Parses the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--size", type=int, default=128, help="side of the maps")
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    shape = (arguments.batch, CLASSES * KERNEL**2, arguments.size, arguments.size)
    size = 4 * shape[0] * shape[1] * shape[2] * shape[3] / MEBIBYTE
    print(f"maps {shape}, {size:.1f} MiB in float32, {arguments.device}, {arguments.threads} threads")
    for layout in LAYOUTS:
        measure_time(layout, arguments.batch, arguments.size, arguments.device, arguments.rounds)
        for program in PROGRAMS:
            settings = (program, layout, arguments.batch, arguments.size, arguments.device, arguments.threads)
            peak = in_fresh_process(peak_of, *settings, return_freed=True)
            print(f"  {program:{len(LOOP)}}  {peak / MEBIBYTE:7.1f} MiB at the peak of forward and backward")


if __name__ == "__main__":
    main()
