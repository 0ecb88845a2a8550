"""What a training does with a batch, apart from the network's forward pass itself."""

from typing import Protocol

from torch import Tensor, nn

from exfuse.training.losses import Losses


class Task(Protocol):
    """Pretraining or fine-tuning, as the loop sees it.

    Attributes:
        network: what images go through; where several processes train, it adds up their gradients.
    """

    @property
    def network(self) -> nn.Module: ...

    def to_device(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """A batch as it was loaded, on the device; images stay uint8."""
        ...

    def count(self, targets: Tensor) -> Tensor:
        """What the sums of losses are divided by, once those of a batch's parts are added: pixels or images."""
        ...

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        """The share of a part of a batch in the batch's losses; ``loss`` is minimised."""
        ...
