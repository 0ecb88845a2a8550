"""When jobs begin and end on a number of devices: list scheduling in two orders, of which the better one counts."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """A job as the schedule sees it.

    Attributes:
        name: of the job.
        seconds: that it takes.
        devices: that it holds all the while; 0: it runs beside the others and holds none.
        after: tasks that have to end first.
    """

    name: str
    seconds: float
    devices: int
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run of all tasks.

    Attributes:
        starts: seconds after the start, by task.
        makespan: when the last one ends.
        critical_path: the longest chain of tasks: the least time, whatever the number of devices.
        critical_seconds: of that chain.
    """

    starts: Mapping[str, float]
    makespan: float
    critical_path: tuple[str, ...]
    critical_seconds: float


def schedule(tasks: Sequence[Task], devices: int) -> Schedule:
    """Begins, whenever devices are free, the first of the ready tasks that fits.

    First comes the one with the longest way to go, or the one that holds the most devices and of these the one with the
    longest way to go, whichever has all done sooner: small tasks can keep a large one waiting for long.

    Args:
        tasks: those that others wait for before these; what they wait for and is none of them counts as done.
        devices: that there are; a task that wants more takes all.
    """
    known = {task.name: task for task in tasks}
    remaining, following = _remaining(known)
    orders: tuple[Callable[[str], tuple[float, ...]], ...] = (
        lambda name: (-remaining[name],),
        lambda name: (-min(known[name].devices, devices), -remaining[name]),
    )
    plans = [_run(known, following, devices, order) for order in orders]
    makespan, starts = min(plans, key=lambda plan: plan[0])
    path = _longest(remaining, following)
    return Schedule(starts, makespan, path, remaining[path[0]] if path else 0.0)


def _run(
    known: Mapping[str, Task],
    following: Mapping[str, list[str]],
    devices: int,
    order: Callable[[str], tuple[float, ...]],
) -> tuple[float, dict[str, float]]:
    """When the last task ends, and when each begins; what does not fit yet is overtaken by what does."""
    waiting = {name: sum(other in known for other in dict.fromkeys(task.after)) for name, task in known.items()}
    ready = [name for name, count in waiting.items() if count == 0]
    running: list[tuple[float, str]] = []
    starts: dict[str, float] = {}
    now, free = 0.0, devices
    while ready or running:
        held: list[str] = []
        for name in sorted(ready, key=order):
            needed = min(known[name].devices, devices)
            if needed > free:
                held.append(name)
                continue
            free -= needed
            starts[name] = now
            heapq.heappush(running, (now + known[name].seconds, name))
        now, name = heapq.heappop(running)
        free += min(known[name].devices, devices)
        ready = held
        for other in following[name]:
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return now, starts


def _remaining(known: Mapping[str, Task]) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Seconds from each task's start to the end of all that waits for it, and the tasks that wait for it."""
    following: dict[str, list[str]] = {name: [] for name in known}
    for name, task in known.items():
        for other in dict.fromkeys(task.after):
            if other in known:
                following[other].append(name)
    remaining: dict[str, float] = {}
    for name in reversed(list(known)):
        remaining[name] = known[name].seconds + max((remaining[other] for other in following[name]), default=0.0)
    return remaining, following


def _longest(remaining: Mapping[str, float], following: Mapping[str, list[str]]) -> tuple[str, ...]:
    if not remaining:
        return ()
    path = [max(remaining, key=remaining.__getitem__)]
    while others := following[path[-1]]:
        path.append(max(others, key=remaining.__getitem__))
    return tuple(path)
