"""A plan in hours, energy and money."""

import json
from collections.abc import Callable

import pytest

from exfuse.planning.bill import Terms, duration, facts, lines, size
from exfuse.planning.disk import Archives, archives
from exfuse.planning.plan import Machine, Plan, make_plan
from exfuse.planning.rates import Measured
from exfuse.planning.subjects import Subject
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph
from tests.params import Params

TERMS = Terms(
    preset="smoke", device="a device", rates=("rates: made up",), assumed=("nothing",), watts=500.0, price=2.0,
    memory_gb=80.0,
)  # fmt: skip


@pytest.fixture
def plan(params: Params, counted: Callable[[Graph], dict[str, Work]]) -> Plan:
    graph = params.graph("smoke")
    works = counted(graph)
    rates = Measured(dict.fromkeys(works, 3600.0), dict.fromkeys(works, 0.0), (0.0, 0.0))
    return make_plan(graph, works, Machine(count=2, cores=True, rates=rates))


def test_json_holds_the_sums_of_its_jobs_with_their_units(plan: Plan) -> None:
    content = json.loads(json.dumps(facts(plan, TERMS, Archives(3_000_000_000, ("a.tar",)))))
    jobs, total = content["jobs"], content["total"]
    assert len(jobs) == total["jobs"] == 113
    for key in ("samples", "gmac", "hours", "device_hours", "disk_gb", "energy_kwh", "price"):
        assert total[key] == pytest.approx(sum(job[key] for job in jobs)), key
        assert total[key] == pytest.approx(sum(rule[key] for rule in content["rules"].values())), key
    assert total["peak_memory_gb"] == max(job["peak_memory_gb"] for job in jobs)
    assert total["energy_kwh"] == pytest.approx(total["device_hours"] * 0.5)
    assert total["price"] == pytest.approx(total["device_hours"] * 2)
    assert content["rented_device_hours"] == pytest.approx(2 * content["makespan_hours"])
    assert content["rented_price"] == pytest.approx(4 * content["makespan_hours"])
    assert total["archives_gb"] == 3
    assert content["unknown"] == ["the size of a.tar"]
    critical = [job["job"] for job in jobs if job["critical"]]
    assert critical == content["critical_path"]["jobs"]
    # 8 backbones of 4 steps and 36 stages of 2 at an hour each, and what trains nothing beside
    assert total["hours"] == pytest.approx(8 * 4 + 36 * 2, rel=0.01)


def test_without_price_and_watts_there_is_no_number_for_them(plan: Plan) -> None:
    terms = Terms(
        preset="smoke", device="a device", rates=("rates",), assumed=(), watts=None, price=None, memory_gb=None
    )
    content = facts(plan, terms, Archives(0, ()))
    assert (content["total"]["price"], content["total"]["energy_kwh"], content["rented_price"]) == (None, None, None)
    text = "\n".join(lines(plan, terms, Archives(0, ())))
    assert "price" not in text
    assert "unknown" in text


def test_the_table_has_a_line_for_each_rule_or_each_job(plan: Plan) -> None:
    text = "\n".join(lines(plan, TERMS, Archives(0, ())))
    assert "finetune_chain    11" in text
    assert "runs/exfuse/seed0/trainaug/val" not in text
    assert "preset smoke on 2 × a device: a prediction" in text
    everything = list(lines(plan, TERMS, Archives(0, ()), every_job=True))
    assert sum(line.startswith("runs/exfuse/seed0/trainaug/val ") for line in everything) == 1


def test_what_does_not_fit_into_a_device_is_said(plan: Plan) -> None:
    terms = Terms(
        preset="smoke", device="a device", rates=("rates",), assumed=(), watts=None, price=None, memory_gb=1e-9
    )
    assert "WARNING" in "\n".join(lines(plan, terms, Archives(0, ())))
    assert "WARNING" not in "\n".join(lines(plan, TERMS, Archives(0, ())))


def test_archives_are_as_large_as_their_publishers_say(params: Params) -> None:
    found = archives(params.graph("paper"))
    sizes = (1_999_639_040, 1_419_539_633, 13_510_573_713, 6_645_013_297, 252_872_794, 147_897_477_120, 6_744_924_160)
    assert found == Archives(sum(sizes), ("ILSVRC2012_devkit_t12.tar.gz",))


def test_equal_networks_of_two_stages_are_counted_once(params: Params) -> None:
    from exfuse.planning.demands import demands, subjects

    found: dict[str, Subject] = subjects(demands(params.graph("paper")))
    assert len(found) == len({one.key for one in found.values()}) == 34


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (99.4, "99.4 s"),
        (120, "2.0 min"),
        (3599, "60.0 min"),
        (36_000, "10.0 h"),
        (864_000, "10.0 days"),
    ],
)
def test_durations_for_a_person(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_sizes_for_a_person() -> None:
    assert [size(count) for count in (0, 5e4, 2.5e6, 3.2e9, 1.5e12)] == ["–", "< 1 MB", "2.5 MB", "3.2 GB", "1.5 TB"]
