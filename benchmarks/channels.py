"""Whether the wide decoder would gain from 192 channels in place of 189 = 9 · 21, which no power of two divides.

    python -m benchmarks.channels --size 128                   # float32 on the CPU, for a 128×128 image
    python -m benchmarks.channels --device cuda --bfloat16     # where the question matters, for a 512×512 image

Each layer of the decoder is timed forward and backward at both widths, channels last, at the place with most work: the
convolutions of the last boundary refinement, the first kernels of level 1's and level 4's GCN, the last deconvolution
and ECRE's convolution. A ratio above 1 says that the wider layer is the faster one; channels × channels alone would
make it 0.97 (0.98 where only one side is widened).
"""

import argparse
from collections.abc import Callable

import torch
from torch import nn

from benchmarks.rounds import alternate, spread
from exfuse.models.ecre import SubPixelUpsampling
from exfuse.models.gcn import BoundaryRefinement, Deconvolution

WIDTH, PADDED = 189, 192
KERNEL = 15
LEVEL_1, LEVEL_4 = 256, 2048


def layers(width: int) -> dict[str, tuple[nn.Module, int, int]]:
    """Layers by name, with the channels that they read and the stride of the maps that they read."""
    tall = {"kernel_size": (KERNEL, 1), "padding": (KERNEL // 2, 0)}
    return {
        "boundary refinement, stride 1": (BoundaryRefinement(width), width, 1),
        "deconvolution, stride 2 to 1": (Deconvolution(width), width, 2),
        "GCN 15×1, level 1": (nn.Conv2d(LEVEL_1, width, **tall), LEVEL_1, 4),  # type: ignore[arg-type]
        "GCN 15×1, level 4": (nn.Conv2d(LEVEL_4, width, **tall), LEVEL_4, 32),  # type: ignore[arg-type]
        "ECRE, stride 32 to 16": (SubPixelUpsampling(width), width, 32),
    }


def steps(layer: nn.Module, channels: int, size: int, arguments: argparse.Namespace) -> Callable[[], int]:
    """A forward and backward pass of a layer over random maps."""
    options = {"device": arguments.device, "memory_format": torch.channels_last}
    layer = layer.to(**options)
    shape = (arguments.batch, channels, size, size)
    maps = torch.randn(shape).to(**options).requires_grad_()
    kind = torch.device(arguments.device).type

    def run() -> int:
        layer.zero_grad()
        maps.grad = None
        for _ in range(arguments.calls):
            with torch.autocast(kind, torch.bfloat16, enabled=arguments.bfloat16):
                result = layer(maps)
            result.backward(result.detach())
        if maps.is_cuda:
            torch.cuda.synchronize()
        return arguments.calls

    return run


def main() -> None:
    """Parses the command line and prints a table for each layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=512, help="side of the images")
    parser.add_argument("--calls", type=int, default=1, help="passes in a round")
    parser.add_argument("--rounds", type=int, default=9, help="counted rounds")
    parser.add_argument("--bfloat16", action="store_true", help="under autocast; else float32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    narrow, wide = layers(WIDTH), layers(PADDED)
    print(
        f"{'forward and backward, ms: min / median / max':44} {WIDTH:>22} {PADDED:>22}  speed at {PADDED} ÷ at {WIDTH}"
    )
    for name in narrow:
        programs = {}
        for width, (layer, channels, stride) in ((WIDTH, narrow[name]), (PADDED, wide[name])):
            programs[str(width)] = steps(layer, channels, arguments.size // stride, arguments)
        rates = alternate(programs, arguments.rounds)
        ours, padded = rates[str(WIDTH)], rates[str(PADDED)]
        times = [spread([1000 / rate for rate in values], 1) for values in (ours, padded)]
        ratios = spread([other / own for own, other in zip(ours, padded, strict=True)], 2)
        print(f"{name:44} {times[0]:>22} {times[1]:>22}  {ratios}", flush=True)


if __name__ == "__main__":
    main()
