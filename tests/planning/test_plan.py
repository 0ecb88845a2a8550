"""What jobs ask for: `smoke` added up by hand, every job of every preset, and devices that several jobs share."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from exfuse.planning.demands import demands
from exfuse.planning.plan import Machine, Plan, make_plan
from exfuse.planning.rates import Measured, Rates, Roofline
from exfuse.planning.work import Work
from exfuse.spec.devices import Device, Peak
from exfuse.spec.graph import Graph
from tests.params import Params
from tests.planning.conftest import GRADIENT, LARGEST, MAC, SAVED, STATE

Counted = Callable[[Graph], dict[str, Work]]


class Clock:
    """A step takes a second, an image a thousandth, a start nothing."""

    def step_seconds(self, course: object, work: Work, processes: int) -> float:
        return 1.0 / processes

    def pass_seconds(self, subject: object, work: Work) -> float:
        return 0.001

    def start_seconds(self, torch: bool) -> float:
        return 0.0


def planned(graph: Graph, counted: Counted, done: tuple[str, ...] = (), **machine: object) -> Plan:
    settings: dict = {"count": 2, "cores": True, "rates": Clock(), **machine}
    return make_plan(graph, counted(graph), Machine(**settings), done)


@pytest.mark.parametrize("preset", ["smoke", "mini", "voc", "paper"])
def test_every_job_that_is_made_is_in_the_plan_though_no_data_are_there(
    params: Params, counted: Counted, preset: str
) -> None:
    graph = params.graph(preset)
    plan = planned(graph, counted)
    unread = {"coco", "imagenet", "sets/train", "sets/trainval", "sets/coco"} if preset == "voc" else set()
    expected = [name for name in graph.jobs if name.removeprefix("data/") not in unread]
    assert [job.name for job in plan.jobs] == expected
    assert set(plan.timetable.starts) == set(expected)
    assert plan.unknown == ()


def test_what_a_pretraining_asks_for(params: Params, counted: Counted) -> None:
    """4 steps of 8 images and 12 classes with 2 validation images each."""
    plan = planned(params.graph("smoke"), counted)
    (job,) = (one for one in plan.jobs if one.name == "backbones/resnet50")
    assert job.samples == 4 * 8 + 24
    assert job.macs == MAC * (3 * 4 * 8 + 24)
    assert job.seconds == pytest.approx(4 * 1 + 24 * 0.001)
    assert job.memory_bytes == STATE + 3 * GRADIENT + SAVED + LARGEST  # AdamW keeps two numbers
    assert job.disk_bytes == STATE
    assert job.state_bytes == 2 * (STATE + 2 * GRADIENT)
    assert (job.rule, job.devices) == ("pretrain", 1)


def test_what_a_last_stage_asks_for(params: Params, counted: Counted) -> None:
    """2 steps of 2 images, and 8 validation images plain and mirrored; who adopts the scores computes nothing."""
    jobs = {job.name: job for job in planned(params.graph("smoke"), counted).jobs}
    training, adopting = jobs["runs/exfuse/seed0/trainaug"], jobs["runs/exfuse/seed0/trainaug/val"]
    assert (training.samples, adopting.samples) == (2 * 2 + 2 * 8, 0)
    assert training.macs == MAC * (3 * 4 + 16)
    first = jobs["runs/exfuse-resnext131-coco/seed0/coco"]
    assert (first.samples, first.rule) == (4, "finetune_chain")
    submitted = jobs["runs/exfuse-resnet101-test/seed0/trainval"]
    assert submitted.samples == 2 * 2 + 2 * 3


def test_an_evaluation_without_its_training_computes_itself(params: Params, counted: Counted) -> None:
    graph = params.graph("smoke")
    name = "runs/exfuse/seed0/trainaug"
    jobs = {job.name: job for job in planned(graph, counted, (name,)).jobs}
    assert name not in jobs
    assert jobs[f"{name}/val"].samples == 16


def test_a_training_whose_scores_are_there_scores_nothing(params: Params, counted: Counted) -> None:
    name = "runs/exfuse/seed0/trainaug"
    jobs = {job.name: job for job in planned(params.graph("smoke"), counted, (f"{name}/val",)).jobs}
    assert jobs[name].samples == 4


def test_the_paper_asks_for_what_its_presets_say(params: Params, counted: Counted) -> None:
    jobs = {job.name: job for job in planned(params.graph("paper"), counted, count=8, cores=False).jobs}
    pretraining = jobs["backbones/resnext101"]
    assert pretraining.samples == 450_360 * 256 + 50_000
    assert (pretraining.devices, pretraining.seconds) == (8, pytest.approx(450_360 / 8 + 50))
    assert jobs["runs/exfuse/seed0/trainaug"].samples == 320_000 + 2 * 1449
    assert jobs["models/probes"].samples == 2 * (1000 + 1449)
    assert jobs["data/imagenet"].devices == 0
    assert jobs["data/voc"].disk_bytes == 2913 * 125_000


def test_totals_are_the_sums_of_the_jobs(params: Params, counted: Counted) -> None:
    plan = planned(params.graph("smoke"), counted)
    assert plan.seconds == sum(job.seconds for job in plan.jobs)
    assert plan.timetable.makespan >= max(plan.seconds / 2, plan.timetable.critical_seconds)


def test_own_data_whose_images_nobody_counted_are_named(params: Params, counted: Counted) -> None:
    graph = params.graph("voc")
    folder = graph.spec.folder.model_copy(update={"counts": {}, "sets": {}})
    datasets = graph.spec.datasets.model_copy(update={"folders": {**graph.spec.datasets.folders, "official": folder}})
    graph = Graph(replace(graph.spec, datasets=datasets))
    plan = planned(graph, counted)
    assert "the images of set val" in plan.unknown
    assert "the images of data/voc" in plan.unknown


DEVICE = Device(
    title="a device",
    bfloat16_tflops=Peak(value=4e-9, source="made up", measured=False),  # 4,000 operations a second
    float32_tflops=Peak(value=1e-9, source="made up", measured=False),
    gbytes_per_s=Peak(value=1e-6, source="made up", measured=False),  # 1,000 bytes a second
    memory_gb=None,
    watts=None,
)


def test_a_share_of_the_roofline_by_hand(params: Params, counted: Counted) -> None:
    graph = params.graph("paper")
    (demand,) = (one for one in demands(graph) if one.job.name == "backbones/resnext101")
    assert demand.course is not None
    work = counted(graph)[demand.course.subject.key]  # 32 images: 64,000 operations forward, as many twice backward
    rates: Rates = Roofline(DEVICE, 0.5)
    part, update = 3 * 64_000 / 4000, 5 * GRADIENT / 1000  # SGD reads three numbers and writes two
    assert rates.step_seconds(demand.course, work, 8) == pytest.approx((part + update) / 0.5)
    accumulated = 8 * part + update + 7 * 3 * GRADIENT / 1000
    assert rates.step_seconds(demand.course, work, 1) == pytest.approx(accumulated / 0.5)
    assert rates.pass_seconds(demand.course.subject, work) == pytest.approx(2000 / 1000 / 0.5)


def test_operations_are_not_begun_faster_than_they_can_be(params: Params, counted: Counted) -> None:
    graph = params.graph("paper")
    demand = next(one for one in demands(graph) if one.course)
    assert demand.course is not None
    work = counted(graph)[demand.course.subject.key]
    many = replace(work, forward=replace(work.forward, others=10_000_000), gradient_bytes=0)
    assert Roofline(DEVICE, 1.0).step_seconds(demand.course, many, 8) == pytest.approx(100, rel=1e-3)


def test_measured_rates_are_taken_as_they_are(params: Params, counted: Counted) -> None:
    graph = params.graph("paper")
    demand = next(one for one in demands(graph) if one.course)
    assert demand.course is not None
    key = demand.course.subject.key
    rates = Measured({key: 0.25}, {key: 0.5}, (1.0, 5.0))
    work = counted(graph)[key]
    assert rates.step_seconds(demand.course, work, 1) == 8 * 0.25
    assert rates.step_seconds(demand.course, work, 8) == 0.25
    assert rates.pass_seconds(demand.course.subject, work) == 0.5
