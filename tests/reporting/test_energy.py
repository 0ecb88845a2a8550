"""The estimate of energy, worked by hand."""

import pytest

from exfuse.files import read_json, write_json
from exfuse.reporting.energy import energy, total, words
from exfuse.reporting.lineage import record
from exfuse.reporting.report import write_report
from exfuse.spec.devices import Peak
from exfuse.spec.manifest import provenance_file

NAME = "backbones/resnet50"


@pytest.fixture
def devices(mini):
    return mini.devices


def with_facts(results, **facts):
    results.backbone("resnet50", 0.2)
    file = provenance_file(results.graph.jobs[NAME].manifest)
    write_json(file, {**read_json(file), **facts})
    return record(results.graph, NAME)


def test_gpus_times_seconds_times_watts(results, devices):
    """Two hours on four H200 of 700 W at most: 2 × 4 × 700 = 5600 Wh."""
    about = with_facts(results, device="cuda:0", gpu="NVIDIA H200", gpus=4, seconds={"wall": 7200.0, "cpu": 9.0})
    found = energy(about, devices)
    assert (found.seconds, found.devices, found.watts) == (7200.0, 4, 700.0)
    assert found.watt_hours == pytest.approx(5600.0)
    assert found.source == "NVIDIA's data sheet (maximum)"


def test_a_processor_counts_for_the_seconds_of_its_cores(results, devices):
    """Half an hour of cores at 12 W each: 6 Wh; without stated watts there is no estimate."""
    about = with_facts(results, seconds={"wall": 900.0, "cpu": 1800.0})
    assert energy(about, devices) is None
    core = devices["core"].model_copy(update={"watts": Peak(value=12, source="a meter", measured=True)})
    found = energy(about, {**devices, "core": core})
    assert found.watt_hours == pytest.approx(6.0)


def test_another_model_of_a_series_is_not_taken_for_it(results, devices):
    for name in ("NVIDIA A100-PCIE-40GB", "NVIDIA H100 PCIe", "NVIDIA H200 NVL", "NVIDIA GeForce RTX 4090 D"):
        assert energy(with_facts(results, device="cuda:0", gpu=name, gpus=1), devices) is None


@pytest.mark.parametrize(
    "facts",
    [{"gpus": "all"}, {"gpus": 0}, {"seconds": {}}, {"gpu": 7}, {"gpus": 10**400}, {"gpus": 10**30}],
)
def test_what_makes_no_sense_is_not_estimated(results, devices, facts):
    about = with_facts(results, **{"device": "cuda:0", "gpu": "NVIDIA H200", "gpus": 1, **facts})
    assert energy(about, devices) is None


def test_an_interrupted_training_has_no_estimate(results, devices):
    """Its last process alone was timed: "at most" would be false."""
    facts = {"device": "cuda:0", "gpu": "NVIDIA H200", "gpus": 1, "seconds": {"wall": 3600.0, "cpu": 1.0}}
    stretch = {"from_step": 0, "code": "abc", "host": "here"}
    assert energy(with_facts(results, **facts, stretches=[stretch]), devices) is not None
    about = with_facts(results, **facts, stretches=[stretch, {**stretch, "from_step": 100}])
    assert energy(about, devices) is None
    found = total([about], devices)
    assert (found.watt_hours, found.jobs) == (0, 0)
    assert found.unknown == {"their training was interrupted, and only the seconds of the last process are known": 1}


def test_the_total_says_of_how_many_jobs_it_is(results, devices):
    first = with_facts(results, device="cuda:0", gpu="NVIDIA H200", gpus=1, seconds={"wall": 3600.0, "cpu": 1.0})
    results.backbone("resnet101", 0.2)
    second = record(results.graph, "backbones/resnet101")
    missing = record(results.graph, "backbones/resnext101")
    found = total([first, second, missing], devices)
    assert (found.watt_hours, found.jobs) == (pytest.approx(700.0), 1)
    assert found.unknown == {"params/devices.yaml states no watts of a processor's core": 1}


def test_the_page_shows_estimate_and_formula(results):
    with_facts(results, device="cuda:0", gpu="NVIDIA H200", gpus=2, seconds={"wall": 3600.0, "cpu": 1.0})
    write_report(results.graph)
    html = " ".join(results.graph.layout.report.read_text().split())
    assert (
        "estimated energy at most 1,400.0 Wh: 60.0 min × 2 × 700 W (NVIDIA H200 SXM; NVIDIA&#39;s data sheet (maximum))"
        in html
    )
    assert "of the 1 job whose device is known, 1,400.0 Wh together" in html


def test_words():
    assert [words(value) for value in (None, 0.04, 1234.5, 12345.0)] == ["–", "0.0 Wh", "1,234.5 Wh", "12.3 kWh"]
