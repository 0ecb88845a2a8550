"""What is exported: the network with everything that prediction does around it.

Whoever runs the file gives photographs as they are decoded, and cannot normalise or pad them wrongly: uint8 RGB in,
class scores at the same size out, as :func:`exfuse.evaluation.inference.plain_scores` gives them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exfuse.data.transforms import mean_pixel, normalize
from exfuse.models.segmenter import Segmenter
from exfuse.spec.model import STRIDE
from exfuse.spec.settings import Normalization

Size = tuple[int, int]
"""Height and width in pixels."""


class ExportedNetwork(nn.Module):
    """Padding with the mean to the training size, normalisation, the network, and a crop to the image.

    Args:
        model: in evaluation mode; shared, not copied, and frozen.
        size: side to which images are padded in pixels, the training size; a multiple of 32. A longer side is padded
            to the next multiple of 32.
        normalization: of the images.
    """

    fill: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, model: Segmenter, size: int, normalization: Normalization) -> None:
        super().__init__()
        self.model = model
        self.units = size // STRIDE
        fill = mean_pixel(normalization.mean)
        deviation = torch.tensor(normalization.std, dtype=torch.float64).reshape(3, 1, 1)
        self.register_buffer("fill", fill.float())
        self.register_buffer("scale", (1 / (255 * deviation)).float())
        self.register_buffer("shift", normalize(torch.zeros_like(fill), normalization.mean, normalization.std))
        self.eval().requires_grad_(False)  # else torch would keep every map for whoever runs the file

    def forward(self, images: Tensor) -> Tensor:
        """Class scores before the softmax.

        Args:
            images: uint8 RGB (N, 3, H, W), of a size that prediction gives to the network whole.

        Returns:
            float32 (N, C, H, W).
        """
        height, width = images.shape[2:]
        below, right = self._padding(height), self._padding(width)
        # the mean is a whole number of grey levels, so nothing is rounded here
        padded = F.pad(images.float() - self.fill, (0, right, 0, below)) + self.fill
        # not the network's own forward: it pads once more, by what torch.export cannot see to be nothing
        scores, _ = self.model.decoder(self.model.features(padded * self.scale + self.shift))
        # not a slice: it is a view, and its strides would tie the program to sizes that are (not) padded
        return F.pad(scores, (0, -right, 0, -below))

    def _padding(self, length: int) -> int:
        """Pixels to add to a side; also of a symbolic length."""
        units = torch.sym_max(self.units, (length + STRIDE - 1) // STRIDE)
        return STRIDE * units - length  # type: ignore[return-value]  # a torch.SymInt stands for an int here


def trace(network: ExportedNetwork, size: Size | None, largest: int) -> torch.export.ExportedProgram:
    """The network as a graph of torch's operators, for batches of any length.

    Args:
        network: what to export.
        size: of the images that the program takes; none: any up to ``largest``.
        largest: side in pixels, a multiple of 32 and no less than the training size.
    """
    dynamic: dict[int, torch.export.Dim] = {0: torch.export.Dim("batch", min=1)}
    if size is None:
        dynamic |= {axis: torch.export.Dim(name, min=1, max=largest) for axis, name in ((2, "height"), (3, "width"))}
        size = (largest - 5, largest - STRIDE + 5)  # no accident: neither padded to itself, nor equal to each other
    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    program = torch.export.export(network, (example,), dynamic_shapes=(dynamic,))
    for node in program.graph.nodes:
        for origin in ("stack_trace", "nn_module_stack", "torch_fn", "source_fn_stack", "from_node"):
            node.meta.pop(origin, None)  # paths of the machine that exported
    return program
