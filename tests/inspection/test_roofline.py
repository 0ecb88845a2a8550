"""What passes ask of a device: by hand, against torch's own counter, and against what a real step keeps."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from exfuse.inspection import roofline
from exfuse.inspection.roofline import classification_step, segmentation_step
from exfuse.models import build, build_classifier
from exfuse.models.placement import place
from exfuse.planning.work import Work
from exfuse.spec.model import ModelSpec
from exfuse.training.finetuning import Segmentation
from exfuse.training.losses import Losses
from tests.networks import backbone, exfuse, gcn

GCN, EXFUSE = gcn(), exfuse()
SPECS = pytest.mark.parametrize("spec", [GCN, EXFUSE], ids=["gcn", "exfuse"])


class Layers(nn.Module):
    """A convolution without bias, ReLU in place, a linear layer without bias; what a task makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1, bias=False)
        self.linear = nn.Linear(4 * 64, 5, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.convolution(images).relu_().flatten(1))


class Sum:
    """A task whose loss is the sum of the network's outputs."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def to_device(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return images, targets

    def count(self, targets: Tensor) -> Tensor:
        return torch.empty((), device="meta")

    def losses(self, images: Tensor, targets: Tensor, count: Tensor) -> Losses:
        return {"loss": self.network(images).sum()}


def _layers(precision: str) -> Work:
    network = Layers().to("meta")
    images = torch.empty(2, 3, 8, 8, device="meta")
    return roofline._training(network, Sum(network), images, images, precision)


def test_a_convolution_and_a_linear_layer_by_hand() -> None:
    work = _layers("float32")
    pixels, maps, features = 2 * 64, 2 * 4 * 64, 4 * 64
    convolution, linear = pixels * 4 * 3, 2 * features * 5
    assert work.forward_macs == convolution + linear
    # backward: of the images no gradient is wanted, of both weights, and of the linear layer's input
    assert work.flops // 2 == 2 * convolution + 3 * linear
    images, weights, scores = 2 * 3 * 64, (12, 5 * features), 2 * 5
    forward = images + weights[0] + maps  # convolution
    forward += 2 * maps  # ReLU in place
    forward += maps + weights[1] + scores  # linear
    forward += scores + 1  # sum
    assert work.forward.bytes == 4 * forward
    backward = 1  # the loss's gradient is made: one
    # both products of the linear layer; the gradient of a sum is one number, repeated without being stored
    backward += 2 * (1 + maps + weights[1])
    backward += 3 * maps  # ReLU: gradient and output read, gradient written
    backward += maps + images + 2 * weights[0]  # convolution: gradient, input, weight read, its gradient written
    assert work.backward.bytes == 4 * backward
    assert work.saved_bytes == 4 * (images + maps)
    assert work.parameters * 4 == work.gradient_bytes == work.state_bytes == 4 * sum(weights)


def test_seconds_are_the_longer_of_arithmetic_and_traffic_operation_by_operation() -> None:
    work = _layers("float32")
    products = [*work.forward.products, *work.backward.products]
    assert sum(product.calls for product in products) == 5
    by_hand = sum(each.calls * max(each.flops / 1e9, each.bytes / 1e8) for each in products)
    others = (work.forward.other_bytes + work.backward.other_bytes) / 1e8
    assert work.seconds(1e9, 1e8) == pytest.approx(by_hand + others)
    assert work.seconds(1e9, 1e8, fused=True) == pytest.approx(by_hand)
    assert work.seconds(1e30, 1e8) == pytest.approx(work.bytes / 1e8)
    assert work.seconds(1e9, 1e30) == pytest.approx(work.flops / 1e9)


def test_bfloat16_casts_what_products_read_and_halves_what_they_write() -> None:
    work = _layers("bfloat16")
    images, maps, weights = 2 * 3 * 64, 2 * 4 * 64, (12, 5 * 256)
    cast = 6 * (images + weights[0] + weights[1])  # 4 bytes read, 2 written
    assert work.forward.bytes == cast + 2 * (images + weights[0] + maps) + 4 * maps + 2 * (maps + weights[1] + 10) + 22
    assert work.saved_bytes == 2 * (images + maps + weights[0] + weights[1])


@SPECS
def test_operations_of_a_segmenter_are_those_that_torch_counts_on_a_real_step(spec: ModelSpec) -> None:
    """Without groups, for which torch's formula is wrong."""
    plain = spec.model_copy(update={"backbone": spec.backbone.model_copy(update={"cardinality": 1})})
    task = Segmentation(place(build(plain)).train(), 0.4, roofline.ANY, torch.device("cpu"))
    images, masks = torch.zeros(2, 3, 64, 64, dtype=torch.uint8), torch.zeros(2, 64, 64, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        loss = task.losses(images, masks, task.count(masks))["loss"]
        forward = counter.get_total_flops()
        loss.backward()
    work = segmentation_step(plain, 64, 2, "float32")
    assert (work.forward.flops, work.flops) == (forward, counter.get_total_flops())
    assert work.parameters == sum(parameter.numel() for parameter in task.network.parameters())


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_both_gradients_of_a_grouped_convolution_cost_what_its_forward_pass_does(kind: type[nn.Module]) -> None:
    layer = kind(8, 8, 3, padding=1, groups=4, bias=False).to("meta")
    images = torch.empty(2, 8, 10, 10, device="meta", requires_grad=True)
    work = roofline._training(layer, Sum(layer), images, images, "float32")
    assert work.forward_macs == 2 * 100 * 8 * 2 * 9
    assert work.backward.flops == 2 * work.forward.flops


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@SPECS
def test_what_is_saved_is_what_a_real_step_saves(spec: ModelSpec, precision: str) -> None:
    network = place(build(spec)).train()
    known = {tensor.untyped_storage().data_ptr() for tensor in (*network.parameters(), *network.buffers())}
    storages: dict[int, torch.UntypedStorage] = {}  # kept, or another could be made at the address of one that is gone

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage
        return tensor

    task = Segmentation(network, 0.4, roofline.ANY, torch.device("cpu"))
    images, masks = torch.zeros(2, 3, 64, 64, dtype=torch.uint8), torch.zeros(2, 64, 64, dtype=torch.long)
    with (
        saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"),
    ):
        task.losses(images, masks, task.count(masks))
    work = segmentation_step(spec, 64, 2, precision)
    # the CPU's autocast keeps some losses' inputs in other types than CUDA's
    assert work.saved_bytes == pytest.approx(
        sum(storage.nbytes() for storage in storages.values()), rel=0.02 if precision == "bfloat16" else 0
    )


def test_the_memory_of_a_training_is_its_tensors() -> None:
    work = segmentation_step(GCN, 64, 2, "float32")
    network = build(GCN)
    state = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    gradients = sum(parameter.nbytes for parameter in network.parameters())
    assert (work.state_bytes, work.gradient_bytes) == (state, gradients)
    assert work.memory(2) == state + 3 * gradients + work.saved_bytes + work.largest_bytes


def test_frozen_batch_norm_has_no_other_products() -> None:
    frozen, trained = (segmentation_step(GCN, 64, 2, "float32", frozen=frozen) for frozen in (True, False))
    assert frozen.flops == trained.flops
    assert frozen.bytes < trained.bytes


def test_pretraining_holds_the_heads_of_semantic_supervision() -> None:
    work = classification_step(backbone(cardinality=1), 10, 64, 4, "float32")
    network = build_classifier(backbone(cardinality=1), 10)
    assert work.parameters == sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter:
        output = network(torch.zeros(4, 3, 64, 64))
        labels = torch.zeros(4, dtype=torch.long)
        sum(F.cross_entropy(logits, labels) for logits in (output.logits, *output.auxiliary.values())).backward()
    assert work.flops == counter.get_total_flops()


def test_work_survives_json() -> None:
    work = segmentation_step(GCN, 64, 2)
    assert Work.of(work.plain()) == work
