"""Where a training runs, and that its sums do not vary."""

import os

import pytest
import torch
from torch import nn

from exfuse.errors import UserError
from exfuse.spec.settings import Hardware
from exfuse.training.device import CUBLAS_WORKSPACE, compiled, convolutions, prepare


def test_cpu_with_its_threads_seed_and_determinism() -> None:
    assert prepare(Hardware(threads=2, workers=0, device="cpu"), seed=7) == torch.device("cpu")
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.empty(1 << 20).isfinite().any()  # not filled with NaN, which takes a tenth of a small step
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


def test_deterministic_sets_what_cuda_reads_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CUBLAS_WORKSPACE, raising=False)
    prepare(Hardware(threads=1, workers=0, device="cpu"), seed=0)
    assert CUBLAS_WORKSPACE not in os.environ
    prepare(Hardware(threads=1, workers=0, device="cpu", deterministic=True), seed=0)
    assert os.environ.pop(CUBLAS_WORKSPACE) == ":4096:8"


@pytest.mark.parametrize("deterministic", [False, True])
def test_convolutions_are_chosen_by_speed_unless_bits_matter(deterministic: bool) -> None:
    before = torch.backends.cudnn.benchmark
    with convolutions(deterministic):
        assert torch.backends.cudnn.benchmark is not deterministic
        assert torch.backends.cudnn.deterministic is deterministic
    assert torch.backends.cudnn.benchmark is before


@pytest.mark.parametrize(("native", "said"), [(True, ""), (False, "this processor computes bfloat16 in software")])
def test_bfloat16_without_the_processors_help_is_said(
    native: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: native)
    prepare(Hardware(threads=1, workers=0, device="cpu", precision="bfloat16"), seed=0)
    assert capsys.readouterr().err.startswith(said)
    prepare(Hardware(threads=1, workers=0, device="cpu"), seed=0)
    assert "bfloat16" not in capsys.readouterr().err


def test_only_compiled_where_the_preset_says_so() -> None:
    model = nn.Linear(2, 3)
    assert compiled(model, Hardware(threads=1, workers=0)) is model
    program = compiled(model, Hardware(threads=1, workers=0, compile=True))  # compiling begins with the first call
    assert program is not model
    assert [parameter is own for parameter, own in zip(program.parameters(), model.parameters(), strict=True)] == [
        True
    ] * 2
