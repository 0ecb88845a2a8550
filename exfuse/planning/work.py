"""What images through a network ask of a device: operations, and bytes between its memory and its units.

The roofline model (Williams, Waterman and Patterson, 2009): an operation takes at least as long as its arithmetic at
the device's peak, and at least as long as its traffic at the bandwidth. A pass takes the sum over its operations of the
longer of both, because one operation begins when the one before has ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Self

from exfuse.planning.sound import whole

ACCUMULATION = 3
"""Passes over the gradients for each further part of a batch: read the sum, read the part's, write the sum."""
CLIPPING = 3
"""Passes over the gradients to bound their norm: read them for it, read them again, write them."""


@dataclass(frozen=True, slots=True)
class Product:
    """Calls of a convolution or matrix product that cost the same.

    Attributes:
        calls: how many there are.
        flops: of each: two for a multiply-accumulate.
        bytes: of each: its inputs read once and its outputs written once.
    """

    calls: int
    flops: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A pass through a network, forward or backward.

    Attributes:
        products: its convolutions and matrix products.
        others: how many other operations there are, whose arithmetic is not counted.
        other_bytes: read and written by these.
    """

    products: tuple[Product, ...]
    others: int
    other_bytes: int

    @classmethod
    def of(cls, calls: Iterable[tuple[int, int]]) -> Self:
        """From flops and bytes of each operation, in any order."""
        products: dict[tuple[int, int], int] = {}
        others, other_bytes = 0, 0
        for flops, moved in calls:
            if flops:
                products[flops, moved] = products.get((flops, moved), 0) + 1
            else:
                others, other_bytes = others + 1, other_bytes + moved
        return cls(tuple(Product(count, *each) for each, count in products.items()), others, other_bytes)

    @property
    def operations(self) -> int:
        """That torch starts, one after the other."""
        return self.others + sum(product.calls for product in self.products)

    @property
    def flops(self) -> int:
        """Of all its products."""
        return sum(product.calls * product.flops for product in self.products)

    @property
    def bytes(self) -> int:
        """Read and written, operation by operation."""
        return self.other_bytes + sum(product.calls * product.bytes for product in self.products)

    def seconds(self, flops_per_s: float, bytes_per_s: float, *, fused: bool = False) -> float:
        """As :meth:`Work.seconds`."""
        products = sum(
            product.calls * max(product.flops / flops_per_s, product.bytes / bytes_per_s) for product in self.products
        )
        return products if fused else products + self.other_bytes / bytes_per_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What images through a network ask for in training: forward pass with the losses, and backward pass.

    Attributes:
        images: that go through at once.
        forward: with normalisation and losses.
        backward: with all gradients.
        parameters: learned numbers.
        state_bytes: of the network's tensors, batch norm's statistics included.
        gradient_bytes: of all gradients.
        saved_bytes: what autograd keeps from the forward for the backward pass, each storage once.
        largest_bytes: inputs and outputs of the largest operation.
    """

    images: int
    forward: Phase
    backward: Phase
    parameters: int
    state_bytes: int
    gradient_bytes: int
    saved_bytes: int
    largest_bytes: int

    @property
    def forward_macs(self) -> int:
        """Multiply-accumulates of the forward pass."""
        return self.forward.flops // 2

    @property
    def flops(self) -> int:
        """Of both passes."""
        return self.forward.flops + self.backward.flops

    @property
    def bytes(self) -> int:
        """Read and written by both passes, operation by operation."""
        return self.forward.bytes + self.backward.bytes

    def seconds(self, flops_per_s: float, bytes_per_s: float, *, fused: bool = False) -> float:
        """The roofline: how long forward and backward pass take at least. The optimizer is :func:`update_bytes`.

        Args:
            flops_per_s: floating-point operations a second of the device's products at best.
            bytes_per_s: of its memory at best.
            fused: a lower bound whatever a compiler does: products alone, everything between them done on the way.
                Otherwise every operation reads its inputs from memory and writes its outputs there, as eager torch
                does: a bound for that program, which fused operations may beat.
        """
        rates = flops_per_s, bytes_per_s
        return self.forward.seconds(*rates, fused=fused) + self.backward.seconds(*rates, fused=fused)

    def memory(self, momenta: int, share: float = 1.0) -> int:
        """Bytes that a training holds at its peak: network, gradients, momenta, what is saved, the largest operation.

        What convolutions reorder, what the allocator keeps and what the process itself takes are not in it.

        Args:
            momenta: numbers that the optimizer keeps for each gradient: SGD 1, AdamW 2.
            share: images that go through at once, in those that were counted.
        """
        passing = round(share * (self.saved_bytes + self.largest_bytes))
        return self.state_bytes + (1 + momenta) * self.gradient_bytes + passing

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        rest = {name: getattr(self, name) for name in self.__slots__ if name not in ("forward", "backward")}
        return {**rest, "forward": _plain(self.forward), "backward": _plain(self.backward)}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """From what :meth:`plain` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else, by other code or damaged.
        """
        phases: dict[str, Any] = {name: _phase(content[name]) for name in ("forward", "backward")}
        sizes: dict[str, Any] = {name: whole(value) for name, value in content.items() if name not in phases}
        whole(sizes["images"], 1)
        return cls(**sizes, **phases)


def update_bytes(gradient_bytes: int, momenta: int, *, clipped: bool = False, parts: int = 1) -> int:
    """Bytes that a step moves beside its passes, at the least.

    A fused optimizer reads parameters, gradients and momenta once and writes parameters and momenta once.

    Args:
        gradient_bytes: of all gradients, and of the parameters that they are of.
        momenta: numbers that the optimizer keeps for each gradient: SGD 1, AdamW 2.
        clipped: whether the gradient's norm is bounded.
        parts: micro-batches of a batch.
    """
    return (3 + 2 * momenta + CLIPPING * clipped + ACCUMULATION * (parts - 1)) * gradient_bytes


def _phase(content: Mapping[str, Any]) -> Phase:
    products = tuple(Product(*map(whole, each)) for each in content["products"])
    return Phase(products, whole(content["others"]), whole(content["other_bytes"]))


def _plain(phase: Phase) -> dict[str, Any]:
    products = [list(astuple(product)) for product in phase.products]
    return {"products": products, "others": phase.others, "other_bytes": phase.other_bytes}
