"""`exfuse plan --measure`: what is timed, what is kept, and when nothing is."""

from dataclasses import replace
from pathlib import Path

import pytest

from exfuse.commands import rates
from exfuse.errors import UserError
from exfuse.planning.demands import Course, demands, subjects
from exfuse.planning.measured import read_measurement
from exfuse.spec.graph import Graph
from tests.params import copy_params


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Course]:
    """The trainings that are timed; the clock says 1 s in the first round and 2 s in the second."""
    found: list[Course] = []

    def time_one(asked: rates.Asked) -> tuple[float, float]:
        found.append(asked.course)
        again = found.count(asked.course)
        return 1.0 * again, 0.1 * again

    monkeypatch.setattr(rates, "time_one", time_one)
    monkeypatch.setattr(rates, "usable_cores", lambda: 1)
    monkeypatch.setattr(rates, "_start_seconds", lambda preset, torch, processes: 3.0 if torch else 0.5)
    return found


@pytest.fixture
def smoke(repo_root: Path, tmp_path: Path) -> Graph:
    return copy_params(repo_root, tmp_path).graph("smoke")


@pytest.fixture
def voc(repo_root: Path, tmp_path: Path) -> Graph:
    return copy_params(repo_root, tmp_path).graph("voc")


def test_every_network_is_timed_in_each_round_and_the_mean_kept(smoke: Graph, timed: list[Course]) -> None:
    keys = subjects(demands(smoke))
    rates.measure(smoke, keys)
    assert len(timed) == 2 * len(keys)
    found = read_measurement(smoke.spec.root, smoke.spec.preset.hardware)
    assert found is not None
    assert found.covers(keys)
    assert set(found.rates.parts.values()) == {1.5}
    assert list(found.rates.passes.values()) == pytest.approx([0.15] * len(keys))
    assert found.rates.start == (0.5, 3.0)
    assert (found.cores, found.side_by_side) == (True, 1)


def test_what_is_known_is_not_timed_again_unless_asked_for(
    smoke: Graph, timed: list[Course], capsys: pytest.CaptureFixture[str]
) -> None:
    keys = subjects(demands(smoke))
    rates.measure(smoke, keys, only_missing=True)
    count = len(timed)
    assert count == 2 * len(keys)
    rates.measure(smoke, keys, only_missing=True)
    assert len(timed) == count
    assert "rates were measured on " in capsys.readouterr().err
    rates.measure(smoke, keys)
    assert len(timed) == 2 * count


def test_a_preset_for_gpus_is_not_timed_without_one(
    voc: Graph, timed: list[Course], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="preset 'voc' is for GPUs, and there is none here"):
        rates.measure(voc, ())
    rates.measure(voc, (), only_missing=True)
    assert "no rates are measured: preset 'voc' is for GPUs" in capsys.readouterr().err
    assert timed == []


def test_settings_that_rates_depend_on_are_measured_anew(smoke: Graph, timed: list[Course]) -> None:
    keys = subjects(demands(smoke))
    rates.measure(smoke, keys, only_missing=True)
    hardware = smoke.spec.preset.hardware.model_copy(update={"threads": 2})
    other = Graph(replace(smoke.spec, preset=smoke.spec.preset.model_copy(update={"hardware": hardware})))
    count = len(timed)
    rates.measure(other, keys, only_missing=True)
    assert len(timed) == 2 * count
    rates.measure(smoke, keys, only_missing=True)
    assert len(timed) == 2 * count


def test_a_start_that_fails_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "STARTS", {False: "import sys; sys.exit(3)  # {preset!r}"})
    with pytest.raises(UserError, match="a process ended with exit code 3"):
        rates._start_seconds("smoke", False, 2)
