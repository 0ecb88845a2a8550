"""What only a GPU can show: that no step waits for it, and that equal trainings can have equal bits there."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from exfuse.models import build
from exfuse.models.placement import place
from exfuse.spec.load import load
from exfuse.spec.settings import Hardware
from exfuse.training.device import prepare
from exfuse.training.finetuning import Segmentation
from exfuse.training.loop import Course, Training, train
from exfuse.training.prefetch import on_device

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

STEPS = 6


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    """Of two images with masks, in page-locked memory, as a loader gives them."""
    torch.manual_seed(1)
    shapes = ((2, 3, 64, 64), (2, 64, 64))
    return [
        (torch.randint(256, shapes[0], dtype=torch.uint8).pin_memory(), torch.randint(5, shapes[1]).byte().pin_memory())
        for _ in range(count)
    ]


def training(root: Path, hardware: Hardware) -> tuple[Segmentation, Course]:
    """`mini`'s ExFuse on the GPU."""
    device = prepare(hardware, 0)
    spec = load(root, "mini")
    model = place(build(spec.model("exfuse")), device).train()
    settings = spec.fine_tuning("exfuse", "trainaug").model_copy(update={"steps": STEPS, "batch_size": 2})
    normalization = spec.normalization(spec.backbone_name("exfuse"))
    return Segmentation(model, 0.4, normalization, device), Course.of("a stage", settings, hardware, device)


def test_no_step_waits_for_the_gpu(repo_root: Path) -> None:
    task, course = training(repo_root, Hardware(threads=1, workers=0, device="cuda", precision="bfloat16"))
    steps = Training(task.network, task, course)
    given = on_device(batches(STEPS), task, course.device)
    steps.step(*next(given))  # the first of all may set up what later ones use
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for images, masks in list(given)[: STEPS - 2]:  # the last one's losses are looked at
            assert images.is_cuda and images.dtype == torch.uint8
            steps._backward(images, masks)
            steps._optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_deterministic_trainings_have_equal_bits(precision: str, repo_root: Path) -> None:
    hardware = Hardware(threads=1, workers=0, device="cuda", precision=precision, deterministic=True)
    task, course = training(repo_root, hardware)
    other = Segmentation(deepcopy(task.network), task.auxiliary_weight, task.normalization, task.device)
    for one in (task, other):
        train(one.network, lambda first: batches(STEPS)[first:], one, course)
    for name, tensor in task.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[name]), name
