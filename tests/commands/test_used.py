"""What a job says of the machine in its provenance."""

import pytest
import torch

from exfuse.commands.placing import used
from exfuse.spec.load import load


def test_on_a_processor_there_is_no_gpu_to_speak_of():
    found = used(torch.device("cpu"), 4)
    assert found["device"] == "cpu"
    assert found["peak_memory_mb"] > 50
    assert set(found) == {"device", "peak_memory_mb"}


def test_on_gpus_their_name_number_and_memory_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"the GPU of {device}")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 5 << 30)
    found = used(torch.device("cuda", 1), 4)
    assert (found["device"], found["gpu"], found["gpus"]) == ("cuda:1", "the GPU of cuda:1", 4)
    assert found["peak_gpu_memory_mb"] == 5120


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_gpu_has_the_name_that_params_know_it_by(repo_root):
    """Where it is one of those that watts are stated of."""
    torch.zeros(1 << 20, device="cuda")
    found = used(torch.device("cuda"))
    assert found["peak_gpu_memory_mb"] >= 4
    names = {name for device in load(repo_root).devices.values() for name in device.names}
    if "H200" in found["gpu"]:
        assert found["gpu"] in names


def test_no_name_stands_for_two_devices(repo_root):
    names = [name for device in load(repo_root).devices.values() for name in device.names]
    assert len(names) == len(set(names))
