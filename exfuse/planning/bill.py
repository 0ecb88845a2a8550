"""A plan in hours, energy and money: as data for JSON, and as lines for a person."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from exfuse.planning.disk import Archives
from exfuse.planning.plan import Plan, PlannedJob

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a plan is made for, and on which assumptions.

    Attributes:
        preset: its name.
        device: in words.
        rates: where the rates come from, a sentence each.
        assumed: what else is taken for granted.
        watts: of a device at most; none: not stated.
        price: of an hour of a device; none: not asked.
        memory_gb: of a device; none: not stated.
    """

    preset: str
    device: str
    rates: tuple[str, ...]
    assumed: tuple[str, ...]
    watts: float | None
    price: float | None
    memory_gb: float | None


def facts(plan: Plan, terms: Terms, archives: Archives) -> dict[str, Any]:
    """All of a plan, with units in the names of the keys; ``price`` is in the currency of the price that was given."""
    jobs = [_job(job, plan, terms) for job in plan.jobs]
    return {
        "preset": terms.preset,
        "device": terms.device,
        "count": plan.count,
        "rates": list(terms.rates),
        "assumptions": list(terms.assumed),
        "warnings": list(_warnings(plan, terms)),
        "unknown": [*plan.unknown, *(f"the size of {file}" for file in archives.unknown)],
        "total": {**_sums(plan.jobs, plan.count, terms), "archives_gb": archives.bytes / 1e9},
        "makespan_hours": plan.timetable.makespan / HOUR,
        "rented_device_hours": _rented(plan),
        "rented_price": _times(terms.price, _rented(plan)),
        "critical_path": {"hours": plan.timetable.critical_seconds / HOUR, "jobs": list(plan.timetable.critical_path)},
        "rules": {rule: _sums(found, plan.count, terms) for rule, found in by_rule(plan.jobs).items()},
        "jobs": jobs,
    }


def by_rule(jobs: tuple[PlannedJob, ...]) -> dict[str, tuple[PlannedJob, ...]]:
    """Jobs by the rules that make them."""
    rules = list(dict.fromkeys(job.rule for job in jobs))
    ordered = sorted(jobs, key=lambda job: rules.index(job.rule))
    return {rule: tuple(found) for rule, found in groupby(ordered, key=lambda job: job.rule)}


def lines(plan: Plan, terms: Terms, archives: Archives, *, every_job: bool = False) -> Iterator[str]:
    """A table of the rules, or of every job, and what holds for all."""
    groups: Mapping[str, tuple[PlannedJob, ...]] = by_rule(plan.jobs)
    if every_job:
        groups = {job.name: (job,) for job in plan.jobs}
    yield f"preset {terms.preset} on {plan.count} × {terms.device}: a prediction"
    yield from (f"  {line}" for line in terms.rates)
    yield ""
    rows = [_row(name, jobs, terms, plan.count) for name, jobs in (*groups.items(), ("all", plan.jobs))]
    head = ["job" if every_job else "rule", "jobs", "samples", "TMAC", "time", "device time", "memory", "disk"]
    yield from _table([[*head, "energy", *(["price"] if terms.price is not None else [])], *rows])
    yield ""
    yield from _whole(plan, terms, archives)


def duration(seconds: float) -> str:
    """For a person: two or three digits and a unit."""
    for unit, size, least in (("days", DAY, 2 * DAY), ("h", HOUR, HOUR), ("min", 60.0, 100.0)):
        if seconds >= least:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds)} s"


def size(count: float) -> str:
    """Bytes for a person."""
    for unit, power in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= power:
            return f"{_digits(count / power)} {unit}"
    return "–" if count == 0 else "< 1 MB"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _job(job: PlannedJob, plan: Plan, terms: Terms) -> dict[str, Any]:
    return {
        "job": job.name,
        "rule": job.rule,
        "devices": job.devices,
        "devices_in_resources": job.wanted,
        **_sums((job,), plan.count, terms),
        "starts_hours": plan.timetable.starts[job.name] / HOUR,
        "critical": job.name in plan.timetable.critical_path,
    }


def _sums(jobs: tuple[PlannedJob, ...], count: int, terms: Terms) -> dict[str, Any]:
    device_hours = sum(job.device_seconds for job in jobs) / HOUR
    states = sorted((job.state_bytes for job in jobs), reverse=True)
    return {
        "jobs": len(jobs),
        "samples": sum(job.samples for job in jobs),
        "gmac": sum(job.macs for job in jobs) / 1e9,
        "hours": sum(job.seconds for job in jobs) / HOUR,
        "device_hours": device_hours,
        "peak_memory_gb": max((job.memory_bytes for job in jobs), default=0) / 1e9,
        "disk_gb": sum(job.disk_bytes for job in jobs) / 1e9,
        "states_gb": sum(states[:count]) / 1e9,
        "energy_kwh": None if terms.watts is None else device_hours * terms.watts / 1000,
        "price": _times(terms.price, device_hours),
    }


def _device_time(hours: float) -> str:
    """In hours, as devices are paid for."""
    return f"{hours:,.1f} h" if hours >= 1 else duration(hours * HOUR)


def _times(price: float | None, hours: float) -> float | None:
    return None if price is None else price * hours


def _rented(plan: Plan) -> float:
    return plan.count * plan.timetable.makespan / HOUR


def _row(name: str, jobs: tuple[PlannedJob, ...], terms: Terms, count: int) -> list[str]:
    sums = _sums(jobs, count, terms)
    energy = "unknown" if sums["energy_kwh"] is None else f"{sums['energy_kwh']:,.1f} kWh"
    row = [
        name,
        f"{len(jobs)}",
        f"{sums['samples']:,}" if sums["samples"] else "–",
        f"{sums['gmac'] / 1000:,.0f}" if sums["gmac"] else "–",
        duration(sums["hours"] * HOUR),
        _device_time(sums["device_hours"]) if sums["device_hours"] else "–",
        size(sums["peak_memory_gb"] * 1e9),
        size(sums["disk_gb"] * 1e9),
        energy if sums["device_hours"] else "–",
    ]
    return row if terms.price is None else [*row, f"{sums['price']:,.2f}" if sums["device_hours"] else "–"]


def _table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    align: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    for row in rows:
        yield "  ".join(place(cell, width) for place, cell, width in zip(align, row, widths, strict=True)).rstrip()


def _whole(plan: Plan, terms: Terms, archives: Archives) -> Iterator[str]:
    times = plan.timetable
    plural = "device" if plan.count == 1 else "devices"
    yield f"from the first job to the last with {plan.count} {plural}: {duration(times.makespan)}"
    if terms.price is not None:
        yield f"{plan.count} {plural} for all of that time: {_times(terms.price, _rented(plan)):,.2f}"
    yield f"critical path, each job on the devices that it has here: {duration(times.critical_seconds)}"
    if times.critical_path:
        yield f"  {' → '.join(times.critical_path)}"
    yield f"archives: {size(archives.bytes)}; states of trainings under way: {size(_states(plan))}"
    yield from (f"WARNING: {line}" for line in _warnings(plan, terms))
    unknown = [*plan.unknown, *(f"the size of {file}" for file in archives.unknown)]
    if unknown:
        yield f"not known before the data are there, and left out: {', '.join(unknown)}"
    yield "assumed:"
    yield from (f"  {line}" for line in terms.assumed)


def _warnings(plan: Plan, terms: Terms) -> Iterator[str]:
    """What would not run as it is planned."""
    needed = max((job.memory_bytes for job in plan.jobs), default=0)
    if terms.memory_gb is not None and needed > 1e9 * terms.memory_gb:
        yield f"{size(needed)} do not fit into the {terms.memory_gb:g} GB of a device"
    fewer = {
        (job.rule.removesuffix("_chain"), job.wanted, job.devices) for job in plan.jobs if job.devices < job.wanted
    }
    for rule, wanted, devices in sorted(fewer):
        yield (
            f"{rule} takes {wanted} GPUs (resources); planned with {devices}. Set resources.{rule}.gpus: {devices} "
            "(nodes: 1), or the call is refused"
        )


def _states(plan: Plan) -> int:
    return sum(sorted((job.state_bytes for job in plan.jobs), reverse=True)[: plan.count])
