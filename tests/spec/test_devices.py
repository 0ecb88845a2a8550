"""Devices of a plan: what the file says, and what a wrong one is told."""

import pytest

from exfuse.errors import UserError
from exfuse.spec.load import load
from tests.params import Params


def test_every_device_says_who_states_its_numbers(params: Params) -> None:
    devices = load(params.root).devices
    assert {"h200", "h100", "a100", "rtx4090", "core"} <= set(devices)
    for device in devices.values():
        for peak in (device.bfloat16_tflops, device.float32_tflops, device.gbytes_per_s):
            assert peak.measured != ("data sheet" in peak.source or "paper" in peak.source)


def test_units(params: Params) -> None:
    h200 = load(params.root).device("h200")
    assert h200.flops_per_s("bfloat16") == 790e12
    assert h200.flops_per_s("float32") == 494.5e12
    assert h200.bytes_per_s == 4.3e12


def test_an_unknown_device_is_told_the_nearest(params: Params) -> None:
    with pytest.raises(UserError, match=r"--device: unknown device 'h10'; did you mean 'h100'\?"):
        load(params.root).device("h10")


def test_a_wrong_file_is_named_with_its_key(params: Params) -> None:
    params.put("devices.yaml", "h100.watts.value", -1)
    with pytest.raises(UserError, match=r"devices\.yaml.*h100\.watts\.value"):
        load(params.root)
    params.put("devices.yaml", "h100.watts", None)
    params.put("devices.yaml", "h100.price", 3)
    with pytest.raises(UserError, match=r"devices\.yaml.*price"):
        load(params.root)
