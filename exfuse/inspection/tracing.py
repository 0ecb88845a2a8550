"""The data flow of a network, taken from the network: every operation that ran, what it read and what it gave.

``torch.export`` writes down the operations, each with the module that ran it; a forward pass on real tensors, with
hooks, says what every module gave. The two have to agree. Nothing here knows what the networks look like.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.fx import Node

from exfuse.spec.architecture import Shape

INPUT = "image"
"""Id of what the network reads."""

NAMES = {
    "adaptive_avg_pool2d": "global average pooling",
    "add": "+",
    "batch_norm": "BN",
    "conv2d": "conv",
    "conv_transpose2d": "deconv",
    "linear": "linear",
    "max_pool2d": "max pooling",
    "mean": "global average pooling",
    "mul": "×",
    "pixel_shuffle": "pixel shuffle",
    "relu": "ReLU",
    "sigmoid": "sigmoid",
    "upsample_bilinear2d": "bilinear",
}
"""What the figures call torch's operations; any other keeps its name."""
WITH_KERNEL = ("conv2d", "conv_transpose2d")


@dataclass(frozen=True)
class Step:
    """An operation of a network.

    Attributes:
        id: unique in the trace.
        path: the module that ran it; empty: the network itself.
        operation: torch's name.
        name: the figures' name, with the kernel's size.
        shape: of its output.
        inputs: ids of the steps that it reads, or ``image``.
    """

    id: str
    path: str
    operation: str
    name: str
    shape: Shape
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """All steps in the order in which they ran.

    Attributes:
        image: shape of what the network reads.
        steps: its operations.
        outputs: shapes of the network's outputs by the steps that give them, in their order.
    """

    image: Shape
    steps: tuple[Step, ...]
    outputs: Mapping[str, Shape]


def trace(model: nn.Module, images: torch.Tensor) -> Trace:
    """Follows images through a network.

    Args:
        model: in the mode in which it shall run; its weights stay as they are.
        images: (1, 3, H, W).
    """
    shapes = real_shapes(model, images)
    with torch.no_grad():
        exported = torch.export.export(model, (images,), strict=False)
    read = set(exported.graph_signature.user_inputs)
    steps = tuple(
        _step(node, tuple(INPUT if name in read else name for name in _sources(node, read)))
        for node in exported.graph.nodes
        if node.op == "call_function" and _gives_tensor(node)
    )
    for path, calls in shapes.items():
        inside = [step for step in steps if step.path == path or step.path.startswith(f"{path}.")]
        assert not inside or inside[-1].shape == calls[-1], f"{path} gave {calls[-1]}, exported {inside[-1].shape}"
    by_id = {step.id: step.shape for step in steps}
    given = [name for name in map(str, exported.graph_signature.user_outputs) if name in by_id]  # others are None
    return Trace(_shape(images), steps, {name: by_id[name] for name in given})


def real_shapes(model: nn.Module, images: torch.Tensor) -> dict[str, list[Shape]]:
    """What every module of a network gave in a forward pass on real tensors: shapes by path, a call an entry."""
    shapes: dict[str, list[Shape]] = {}

    def note(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                shapes.setdefault(path, []).append(_shape(output))

        return hook

    handles = [module.register_forward_hook(note(path)) for path, module in model.named_modules()]
    try:
        with torch.inference_mode():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def _gives_tensor(node: Node) -> bool:
    return isinstance(node.meta.get("val"), torch.Tensor)


def _shape(tensor: torch.Tensor) -> Shape:
    """(N, C, H, W) as H, W, C; any other without its batch."""
    _, *rest = tensor.shape
    return (*rest[1:], rest[0]) if len(rest) == 3 else tuple(rest)


def _sources(node: Node, read: set[object]) -> list[str]:
    """Names of the tensors that an operation reads, weights left out; of a list of tensors, what the list came from."""
    found: list[str] = []
    for source in node.all_input_nodes:
        if source.op == "call_function" and not _gives_tensor(source):
            found += _sources(source, read)
        elif source.op == "call_function" or source.name in read:
            found.append(source.name)
    return list(dict.fromkeys(found))


def _step(node: Node, inputs: tuple[str, ...]) -> Step:
    operation = getattr(node.target, "__name__", str(node.target)).partition(".")[0].rstrip("_")
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return Step(
        id=node.name,
        path=stack[-1][0] if stack else "",
        operation=operation,
        name=_name(node, operation),
        shape=_shape(node.meta["val"]),
        inputs=inputs,
    )


def _name(node: Node, operation: str) -> str:
    name = NAMES.get(operation, operation)
    if operation not in WITH_KERNEL:
        return name
    weight = node.args[1]
    assert isinstance(weight, Node)
    return f"{name} {'×'.join(map(str, weight.meta['val'].shape[2:]))}"
