"""Schedules that were worked out by hand."""

import pytest

from exfuse.planning.schedule import Task, schedule

CHAIN = [Task("a", 3, 1, ()), Task("b", 2, 1, ("a",)), Task("c", 4, 1, ("a",)), Task("d", 1, 1, ("b", "c"))]


@pytest.mark.parametrize(("devices", "makespan"), [(1, 10), (2, 8), (9, 8)])
def test_a_diamond(devices: int, makespan: float) -> None:
    found = schedule(CHAIN, devices)
    assert found.makespan == makespan
    assert (found.critical_path, found.critical_seconds) == (("a", "c", "d"), 8)


def test_the_task_with_the_longest_way_to_go_begins_first() -> None:
    tasks = [Task("short", 2, 1, ()), Task("first", 1, 1, ()), Task("second", 5, 1, ("first",))]
    found = schedule(tasks, 1)
    assert found.starts == {"first": 0, "second": 1, "short": 6}


def test_what_holds_no_device_runs_beside_the_others() -> None:
    tasks = [Task("training", 10, 1, ()), Task("table", 3, 0, ()), Task("figure", 4, 0, ("table",))]
    found = schedule(tasks, 1)
    assert found.starts == {"training": 0, "table": 0, "figure": 3}
    assert found.makespan == 10


def test_a_large_task_takes_all_devices_that_there_are() -> None:
    """After the two of one device, or before them: either way 6 + 5."""
    tasks = [Task("one", 5, 1, ()), Task("other", 5, 1, ()), Task("large", 6, 8, ())]
    assert schedule(tasks, 2).makespan == 11


def test_what_fits_overtakes_what_does_not() -> None:
    tasks = [Task("first", 9, 1, ()), Task("seed", 1, 1, ()), Task("large", 5, 2, ("seed",)), Task("small", 2, 1, ())]
    found = schedule(tasks, 2)
    assert found.starts == {"first": 0, "seed": 0, "small": 1, "large": 9}


def test_the_better_of_both_orders_counts() -> None:
    """By the longest way to go alone, `long` would keep `other` waiting until 14, and all would be done at 25."""
    tasks = [
        Task("one", 2, 2, ()), Task("long", 12, 1, ("one",)), Task("other", 2, 2, ()), Task("shorter", 9, 1, ("other",))
    ]  # fmt: skip
    assert schedule(tasks, 2).makespan == 16


def test_what_is_done_is_not_waited_for_and_nothing_takes_no_time() -> None:
    assert schedule([Task("a", 3, 1, ("gone",))], 1).makespan == 3
    nothing = schedule([], 4)
    assert (nothing.makespan, nothing.critical_path, nothing.critical_seconds) == (0, (), 0)
