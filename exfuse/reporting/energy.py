"""An estimate of the energy that jobs took: seconds of a device, times what it draws at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exfuse.reporting.lineage import FRESH, Record
from exfuse.spec.devices import Device

CORE = "core"
"""The entry of ``params/devices.yaml`` that stands for a core of a processor."""
HOUR = 3600.0
MOST_DEVICES = 100_000
"""Of a job: more than any machine has; what is said to have taken more is a mistake."""


@dataclass(frozen=True)
class Energy:
    """An upper bound of what a job's devices drew, without host and cooling.

    Attributes:
        seconds: of one device.
        devices: how many.
        device: in words.
        watts: that it draws at most.
        source: who states the watts.
    """

    seconds: float
    devices: int
    device: str
    watts: float
    source: str

    @property
    def watt_hours(self) -> float:
        """Seconds, devices and watts multiplied."""
        return self.seconds * self.devices * self.watts / HOUR


@dataclass(frozen=True)
class Total:
    """The energy of many jobs: of those that could be estimated, and how many could not.

    Attributes:
        watt_hours: of the estimated jobs together.
        jobs: estimated.
        unknown: the other jobs that were made, by why they are not.
    """

    watt_hours: float
    jobs: int
    unknown: Mapping[str, int]


def energy(about: Record, devices: Mapping[str, Device]) -> Energy | None:
    """What a job took; none where it cannot be told, as of a training whose earlier processes nobody timed.

    A GPU counts for all of the time that its process ran, a processor for the time that its cores were busy.
    """
    name = about.fact("gpu")
    device = next((one for one in devices.values() if name and name in one.names), None)
    seconds, count = about.seconds, about.provenance.get("gpus", 1)
    if not name:
        device, seconds, count = devices.get(CORE), about.cpu_seconds, 1
    if about.interrupted or device is None or device.watts is None or seconds is None:
        return None
    if not isinstance(count, int) or not 1 <= count <= MOST_DEVICES:
        return None
    return Energy(seconds, count, device.title, device.watts.value, device.watts.source)


def total(records: Sequence[Record], devices: Mapping[str, Device]) -> Total:
    """The energy of all jobs that were made."""
    made = [one for one in records if one.state == FRESH and one.provenance]
    known = {one.job.name: found for one in made if (found := energy(one, devices)) is not None}
    unknown: dict[str, int] = {}
    for one in made:
        if one.job.name not in known:
            why = _why(one, devices)
            unknown[why] = unknown.get(why, 0) + 1
    return Total(sum(found.watt_hours for found in known.values()), len(known), unknown)


def words(watt_hours: float | None) -> str:
    """An amount of energy in words; a dash where it is not known."""
    if watt_hours is None:
        return "–"
    return f"{watt_hours / 1000:,.1f} kWh" if watt_hours >= 10000 else f"{watt_hours:,.1f} Wh"


def _why(about: Record, devices: Mapping[str, Device]) -> str:
    """Why a job's energy cannot be told."""
    if about.interrupted:
        return "their training was interrupted, and only the seconds of the last process are known"
    name = about.fact("gpu")
    if name:
        return f"params/devices.yaml states no watts of {name}"
    if about.fact("device") == "cpu":
        return "params/devices.yaml states no watts of a processor's core"
    return "their provenance names no device that is known"
