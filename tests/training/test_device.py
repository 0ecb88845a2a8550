"""Where a training runs, and that its sums do not vary."""

import pytest
import torch

from exfuse.errors import UserError
from exfuse.spec.settings import Hardware
from exfuse.training.device import prepare

pytestmark = pytest.mark.usefixtures("torch_as_before")


def test_cpu_with_its_threads_seed_and_determinism() -> None:
    assert prepare(Hardware(threads=2, workers=0, device="cpu"), seed=7) == torch.device("cpu")
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(7)))


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert prepare(Hardware(threads=1, workers=0), seed=0) == torch.device("cpu")
    with pytest.raises(UserError, match="torch finds no GPU here for `cuda`"):
        prepare(Hardware(threads=1, workers=0, device="cuda"), seed=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_that_is_there_is_taken_unless_the_preset_says_cpu() -> None:
    assert prepare(Hardware(threads=1, workers=0), seed=0).type == "cuda"
    assert prepare(Hardware(threads=1, workers=0, device="cpu"), seed=0).type == "cpu"
