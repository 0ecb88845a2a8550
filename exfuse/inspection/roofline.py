"""What passes through a network ask of a device, counted on torch's meta device: nothing is computed, none is needed.

A pass runs as in a training: the network as it is built, normalisation, the project's own losses and the backward pass.
Every operation that torch dispatches is noted with its floating-point operations (torch's own formulas, for
convolutions and matrix products; a convolution's backward pass by :func:`_backward_flops`) and with the bytes of its
inputs and outputs, each tensor once. Views move nothing.

There is no autocast on meta. :class:`_Autocast` stands in for that of CUDA, in bfloat16: convolutions and matrix
products cast what they read, losses take float32, all else follows its inputs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from exfuse.models import build, build_classifier
from exfuse.models.meta import without_values
from exfuse.models.placement import place
from exfuse.planning.work import Phase, Work
from exfuse.spec.model import BackboneSpec, ModelSpec
from exfuse.spec.settings import Normalization, Precision
from exfuse.training.batch_norm import freeze_batch_norm
from exfuse.training.finetuning import Segmentation
from exfuse.training.pretraining import Classification
from exfuse.training.task import Task

META = torch.device("meta")
ANY = Normalization(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""What is subtracted and divided by changes no cost."""
CAST = {torch.conv2d, torch.conv_transpose2d, F.linear, torch.matmul}
LOSSES = {F.cross_entropy}
NOT_READ = {"aten.copy_", "aten.zero_", "aten.fill_", "aten.ones_like", "aten.zeros_like", "aten.full_like"}
"""Operations that do not read what their first argument holds."""
NOTHING_WRITTEN = {"aten.empty", "aten.empty_like", "aten.empty_strided", "aten.new_empty", "aten.new_empty_strided"}


def segmentation_step(
    spec: ModelSpec, size: int, batch: int = 1, precision: Precision = "bfloat16", *, frozen: bool = False
) -> Work:
    """Forward pass, loss with its auxiliary term, and backward pass of a segmentation network.

    Args:
        spec: the network.
        size: side of the images, in pixels.
        batch: images that go through at once.
        precision: as a preset's ``hardware`` has it.
        frozen: whether batch norm keeps its statistics.
    """
    with without_values():
        network = place(build(spec)).train()
        images = torch.empty(batch, 3, size, size, dtype=torch.uint8)
        masks = torch.empty(batch, size, size, dtype=torch.long)
    if frozen:
        freeze_batch_norm(network)
    return _training(network, Segmentation(network, spec.decoder.auxiliary_weight, ANY, META), images, masks, precision)


def classification_step(
    spec: BackboneSpec, num_classes: int, size: int, batch: int = 1, precision: Precision = "bfloat16"
) -> Work:
    """Forward pass, losses of all heads, and backward pass of the network that pretrains a backbone.

    Arguments as :func:`segmentation_step`'s.
    """
    with without_values():
        network = place(build_classifier(spec, num_classes)).train()
        images = torch.empty(batch, 3, size, size, dtype=torch.uint8)
        labels = torch.empty(batch, dtype=torch.long)
    return _training(network, Classification(network, 1.0, ANY, META), images, labels, precision)


def _training(network: nn.Module, task: Task, images: Tensor, targets: Tensor, precision: Precision) -> Work:
    forward, backward, saved = _Counter(), _Counter(), _Saved(network)
    autocast = _Autocast() if precision == "bfloat16" else nullcontext()
    with forward, saved_tensors_hooks(saved.pack, lambda tensor: tensor), autocast:
        loss = task.losses(images, targets, task.count(targets))["loss"]
    with backward:
        torch.autograd.backward(loss)
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return Work(
        images=len(images),
        forward=Phase.of(forward.calls),
        backward=Phase.of(backward.calls),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        state_bytes=sum(_bytes(tensor) for tensor in (*network.parameters(), *network.buffers())),
        gradient_bytes=sum(map(_bytes, gradients)),
        saved_bytes=sum(saved.storages.values()),
        largest_bytes=max(moved for _, moved in (*forward.calls, *backward.calls)),
    )


class _Counter(TorchDispatchMode):
    """Notes floating-point operations and bytes of every operation that moves any."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        flops = _flops(func._overloadpacket, args, given, result)
        moved = _moved(func, args, given, result)
        if flops or moved:
            self.calls.append((flops, moved))
        return result


def _flops(operation: Any, args: Sequence[Any], kwargs: dict[str, Any], result: Any) -> int:
    if operation is torch.ops.aten.convolution_backward:
        return _backward_flops(*args)
    formula = flop_registry.get(operation)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def _backward_flops(
    gradient: Tensor, images: Tensor, weight: Tensor, _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool, _output_padding: Any, _groups: int, wanted: Sequence[bool],
) -> int:  # fmt: skip
    """Of a convolution's backward pass: as many as the forward pass has, for each of the two gradients that is wanted.

    torch's own formula takes the weight's gradient of grouped convolutions for that of a dense one, as many times too
    many as there are groups.
    """
    read = images if transposed else gradient  # each of its pixels meets the whole kernel
    forward = 2 * len(read) * read.shape[2:].numel() * weight.numel()
    return forward * sum(wanted[:2])


def _moved(func: Any, args: Sequence[Any], kwargs: dict[str, Any], result: Any) -> int:
    """Bytes that an operation reads and writes, each tensor once in each direction."""
    name = str(func._overloadpacket)
    inputs = {id(tensor): tensor for tensor in _tensors((args, kwargs))}
    outputs = {id(tensor): tensor for tensor in _tensors(result)}
    if name in NOTHING_WRITTEN:
        return 0
    known = {_storage(tensor) for tensor in inputs.values()}
    if not func._schema.is_mutable and outputs and all(_storage(tensor) in known for tensor in outputs.values()):
        return 0  # a view
    if name in NOT_READ:
        inputs.pop(id(args[0]), None)
    return sum(_bytes(tensor) for tensor in (*inputs.values(), *outputs.values()))


def _tensors(content: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(content) if isinstance(leaf, Tensor))


def _storage(tensor: Tensor) -> int:
    """Which storage a tensor lies in; on meta none has an address."""
    return int(tensor.untyped_storage()._cdata)


def _bytes(tensor: Tensor) -> int:
    """What a tensor holds; along dimensions in which it is only repeated, one value."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count * tensor.element_size()


class _Saved:
    """The storages that autograd keeps, apart from those of the network itself."""

    def __init__(self, network: nn.Module) -> None:
        self._known = {_storage(tensor) for tensor in (*network.parameters(), *network.buffers())}
        self._alive: list[Any] = []
        self.storages: dict[int, int] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        """Notes a tensor that is saved."""
        if (place := _storage(tensor)) not in self._known:
            self.storages[place] = tensor.untyped_storage().nbytes()
            self._alive.append(tensor.untyped_storage())  # or another could be made at its place
        return tensor


class _Autocast(TorchFunctionMode):
    """What CUDA's autocast to bfloat16 does with the functions that the networks call."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in CAST:
            args = tuple(_cast(value, torch.bfloat16) for value in args)
        elif func in LOSSES:
            args = (_cast(args[0], torch.float32), *args[1:])
        return func(*args, **(kwargs or {}))


def _cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value
