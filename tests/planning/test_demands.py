"""Which jobs are billed, on how many devices their batches can be shared, and what is left of interrupted trainings."""

from collections.abc import Callable
from typing import Any

import pytest

from exfuse.planning.bill import Terms, facts, lines
from exfuse.planning.demands import demands, wanted
from exfuse.planning.disk import Archives, archives
from exfuse.planning.plan import Machine, Plan, make_plan
from exfuse.planning.rates import Measured
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph
from tests.params import Params
from tests.planning.conftest import GRADIENT, LARGEST, SAVED, STATE

Counted = Callable[[Graph], dict[str, Work]]
TERMS = Terms(preset="p", device="a GPU", rates=("r",), assumed=(), watts=None, price=None, memory_gb=None)
NOTHING = Archives(0, ())


def planned(graph: Graph, counted: Counted, count: int, **more: Any) -> Plan:
    works = counted(graph)
    rates = Measured(dict.fromkeys(works, 1.0), dict.fromkeys(works, 0.001), (0.5, 4.0))
    return make_plan(graph, works, Machine(count=count, cores=False, rates=rates), **more)


def test_data_that_nothing_reads_are_neither_prepared_nor_paid_for(params: Params) -> None:
    """VOC and SBD: ablations start from public weights, and are trained on trainaug alone."""
    graph = params.graph("voc")
    names = [demand.job.name for demand in demands(graph) if demand.job.name.startswith("data/")]
    assert names == ["data/voc", "data/sbd", "data/sets/trainaug", "data/sets/val"]
    assert archives(graph).bytes == 1_999_639_040 + 1_419_539_633


def test_all_that_the_paper_prints_is_wanted_with_what_it_is_made_of(params: Params) -> None:
    for preset in ("smoke", "paper"):
        graph = params.graph(preset)
        assert wanted(graph) == set(graph.jobs)


@pytest.mark.parametrize(("count", "team"), [(1, 1), (3, 2), (4, 4), (5, 4), (6, 4), (7, 4), (8, 8), (100, 8)])
def test_gpus_that_cannot_share_eight_micro_batches_stand_idle(
    params: Params, counted: Counted, count: int, team: int
) -> None:
    plan = planned(params.graph("paper"), counted, count)
    jobs = {job.name: job for job in plan.jobs}
    assert (jobs["backbones/resnext101"].devices, jobs["backbones/resnext101"].wanted) == (team, 8)
    assert jobs["backbones/resnext101"].seconds == pytest.approx(4 + 450_360 * 8 / team + 50)
    assert jobs["runs/exfuse/seed0/trainaug"].devices == 1
    text, content = "\n".join(lines(plan, TERMS, NOTHING)), facts(plan, TERMS, NOTHING)
    warning = (
        f"pretrain takes 8 GPUs (resources); planned with {team}. Set resources.pretrain.gpus: {team} (nodes: 1), or "
        "the call is refused"
    )
    assert (f"WARNING: {warning}" in text) == (team < 8)
    assert content["warnings"] == ([warning] if team < 8 else [])


def test_where_batch_norm_is_synchronised_each_gpu_takes_its_share_at_once(params: Params, counted: Counted) -> None:
    for leaf, value in (("batch_size", 12), ("micro_batch", None), ("batch_norm", "synchronised")):
        params.put("presets/paper.yaml", f"fine_tuning.trainaug.{leaf}", {"value": value, "source": "made up"})
    params.put("presets/paper.yaml", "resources.finetune.gpus", 1)
    alone = {one.job.name: one for one in demands(params.graph("paper"))}["runs/exfuse/seed0/trainaug"].course
    assert alone is not None
    assert (alone.subject.images, alone.parts) == (12, 1)
    # the other stages hold a single image, which four GPUs cannot share
    course = replace_team(alone, 4)
    assert [course.shared_by(count) for count in (1, 2, 3, 4, 5)] == [1, 2, 3, 4, 4]
    assert [course.at_once(count) for count in (4, 2, 1)] == [1, 2, 4]
    work = next(iter(counted(params.graph("paper")).values()))
    assert work.memory(1, course.at_once(2)) == STATE + 2 * GRADIENT + 2 * (SAVED + LARGEST)


def replace_team(course: Any, gpus: int) -> Any:
    from dataclasses import replace

    images = course.subject.images // gpus
    return replace(course, subject=replace(course.subject, images=images), parts=gpus)


def test_a_gpus_share_of_a_synchronised_batch_is_what_is_counted(params: Params) -> None:
    for stage in ("coco", "trainaug", "train", "trainval"):
        for leaf, value in (("batch_size", 16), ("micro_batch", None), ("batch_norm", "synchronised")):
            params.put("presets/paper.yaml", f"fine_tuning.{stage}.{leaf}", {"value": value, "source": "made up"})
    params.put("presets/paper.yaml", "resources.finetune.gpus", 4)
    found = [one.course for one in demands(params.graph("paper")) if one.rule == "finetune" and one.course]
    assert {(course.subject.images, course.parts, course.samples // course.steps) for course in found} == {(4, 4, 16)}


def test_steps_that_are_saved_are_not_done_again(params: Params, counted: Counted) -> None:
    graph = params.graph("paper")
    name = "backbones/resnext101"
    before, after = (
        next(job for job in planned(graph, counted, 8, saved=saved).jobs if job.name == name)
        for saved in (None, {name: 450_000, "backbones/resnet50": 450_360})
    )
    assert before.samples - after.samples == 450_000 * 256
    assert before.seconds - after.seconds == pytest.approx(450_000)
    assert after.disk_bytes == before.disk_bytes


def test_the_critical_path_is_that_of_the_devices_that_there_are(params: Params, counted: Counted) -> None:
    text = "\n".join(lines(planned(params.graph("paper"), counted, 8), TERMS, NOTHING))
    assert "critical path, each job on the devices that it has here: " in text


def test_processes_of_several_threads_were_timed_with_them(params: Params, counted: Counted) -> None:
    graph = params.graph("smoke")
    course = next(one.course for one in demands(graph) if one.course)
    rates = Measured({course.subject.key: 1.0}, {course.subject.key: 1.0}, (1.0, 1.0), threads=2)
    assert rates.step_seconds(course, counted(graph)[course.subject.key], 2) == course.parts
