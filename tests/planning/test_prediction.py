"""What is recorded as a run begins, and that it never keeps a run from beginning."""

import json
import time
from collections.abc import Callable

import pytest

from exfuse.planning.counts import known_works, remember
from exfuse.planning.demands import demands, subjects
from exfuse.planning.measured import Measurement, read_measurement, write_measurement
from exfuse.planning.prediction import Prediction, read_prediction, record
from exfuse.planning.rates import Measured
from exfuse.planning.work import Work
from exfuse.spec.graph import Graph
from exfuse.spec.settings import Hardware
from tests.params import Params

Counted = Callable[[Graph], dict[str, Work]]


HARDWARE = Hardware(threads=1, workers=0, device="cpu")


def measured(graph: Graph, seconds: float = 1.0) -> Measurement:
    keys = subjects(demands(graph))
    rates = Measured(dict.fromkeys(keys, seconds), dict.fromkeys(keys, 0.01), (0.5, 4.0))
    return Measurement(device="a core", cores=True, side_by_side=2, when="2026-01-02 03:04", rates=rates)


@pytest.fixture
def graph(params: Params, counted: Counted) -> Graph:
    """`smoke`, counted and measured."""
    found = params.graph("smoke")
    remember(params.root, counted(found))
    write_measurement(params.root, HARDWARE, measured(found))
    return found


def recorded(graph: Graph) -> Prediction:
    found = read_prediction(graph)
    assert found is not None
    return found


def test_jobs_that_are_to_run_are_recorded_with_their_rates(graph: Graph, params: Params) -> None:
    before = time.time()
    params.finish(graph, "data/voc", "backbones/resnet50")
    record(graph, cores=3)
    found = recorded(graph)
    assert set(found.jobs) == set(graph.jobs) - {"data/voc", "backbones/resnet50"}
    one = found.jobs["backbones/resnet101"]
    assert (one.rule, one.seconds) == ("pretrain", pytest.approx(4.0 + 4 * 1.0 + 24 * 0.01))
    assert before <= one.start <= time.time()
    (start,) = found.starts
    assert (start.when, start.count) == (one.start, 3)
    assert "measured on this machine on 2026-01-02 03:04" in start.rates


def test_a_later_run_keeps_what_was_predicted_of_jobs_that_it_does_not_make(graph: Graph) -> None:
    record(graph)
    first = recorded(graph)
    record(graph, {"claims", "report"})
    second = recorded(graph)
    assert {name for name, one in second.jobs.items() if one != first.jobs[name]} == {"claims", "report"}
    assert [start.when for start in second.starts] == [first.starts[0].when, second.jobs["claims"].start]
    record(graph, {"claims", "report"})
    assert len(recorded(graph).starts) == 2  # that of the second run has no job left


def test_a_run_with_nothing_to_do_records_nothing(graph: Graph) -> None:
    record(graph, ())
    assert read_prediction(graph) is None


def test_networks_that_nobody_counted_are_said_and_harm_nothing(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    record(params.graph("smoke"))
    assert read_prediction(params.graph("smoke")) is None
    assert "its networks are not counted; `exfuse plan --measure`" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_harms_nothing(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    (graph.spec.root / "results").write_text("a file where the folder should be")
    record(graph)
    assert "no prediction of this run: " in capsys.readouterr().err


def test_a_damaged_record_counts_for_none_and_is_replaced(graph: Graph) -> None:
    file = graph.layout.base / "plan.json"
    for content in ("{", "[]", '{"jobs": {"claims": {"seconds": 1}}, "starts": []}'):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        assert read_prediction(graph) is None
    record(graph)
    assert len(recorded(graph).jobs) == len(graph.jobs)


def test_rates_of_other_networks_are_kept_while_the_device_is_the_same(graph: Graph, params: Params) -> None:
    root, mini = params.root, params.graph("mini")
    write_measurement(root, HARDWARE, measured(mini, 2.0))
    found = read_measurement(root, HARDWARE)
    assert found is not None
    assert found.covers(subjects(demands(graph)))
    assert found.covers(subjects(demands(mini)))
    other = measured(mini)
    write_measurement(
        root, HARDWARE, Measurement(device="another", cores=True, side_by_side=2, when=other.when, rates=other.rates)
    )
    found = read_measurement(root, HARDWARE)
    assert found is not None
    assert not found.covers(subjects(demands(graph)))


@pytest.mark.parametrize("content", [{"images": 1}, 1, None, {"images": 1, "forward": [], "backward": []}])
def test_counts_by_other_code_count_for_none(graph: Graph, params: Params, content: object) -> None:
    keys = subjects(demands(graph))
    assert set(known_works(graph, keys)) == set(keys)
    (params.root / ".exfuse" / "counts.json").write_text(json.dumps(dict.fromkeys(keys, content)))
    assert known_works(graph, keys) == {}
