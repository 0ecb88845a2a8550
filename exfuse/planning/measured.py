"""Rates that `exfuse plan --measure` found on a machine, in `.exfuse/rates/`."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.planning.rates import Measured
from exfuse.planning.sound import positive, truth, whole, words
from exfuse.spec.settings import Hardware


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What was measured, where and when.

    Attributes:
        device: in words.
        cores: whether jobs run on cores of the processor.
        side_by_side: how many trainings ran at once.
        when: local time.
        rates: what came out.
    """

    device: str
    cores: bool
    side_by_side: int
    when: str
    rates: Measured

    def covers(self, keys: Iterable[str]) -> bool:
        """Whether all networks were measured."""
        return all(key in self.rates.parts and key in self.rates.passes for key in keys)


def rates_file(root: Path, hardware: Hardware) -> Path:
    """Of this machine, under the settings that rates depend on; precision is a part of each network's key.

    Clones on a file system that several machines share keep them apart.
    """
    loading = "-loading" if hardware.workers == 0 else ""
    exact = "-deterministic" if hardware.deterministic else ""
    settings = f"{hardware.device}-threads{hardware.threads}{loading}{exact}"
    return root / ".exfuse" / "rates" / f"{platform.node() or 'machine'}.{settings}.json"


def read_measurement(root: Path, hardware: Hardware) -> Measurement | None:
    """This machine's under these settings; none where nothing was measured, by other code, or it is damaged."""
    try:
        content = read_json(rates_file(root, hardware))
        rates = content["rates"]
        plain, torch = map(positive, rates["start"])
        return Measurement(
            device=words(content["device"]),
            cores=truth(content["cores"]),
            side_by_side=whole(content["side_by_side"], 1),
            when=words(content["when"]),
            rates=Measured(_seconds(rates["parts"]), _seconds(rates["passes"]), (plain, torch), hardware.threads),
        )
    except (UserError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _seconds(content: Mapping[str, Any]) -> dict[str, float]:
    return {key: positive(seconds) for key, seconds in content.items()}


def write_measurement(root: Path, hardware: Hardware, found: Measurement) -> None:
    """Keeps it, with the rates of other networks that were measured before on the same device.

    Raises:
        UserError: it cannot be written.
    """
    before = read_measurement(root, hardware)
    parts: dict[str, Any] = {}
    passes: dict[str, Any] = {}
    if before is not None and (before.device, before.side_by_side) == (found.device, found.side_by_side):
        parts, passes = dict(before.rates.parts), dict(before.rates.passes)
    content = {
        "device": found.device,
        "cores": found.cores,
        "side_by_side": found.side_by_side,
        "when": found.when,
        "rates": {
            "parts": {**parts, **found.rates.parts},
            "passes": {**passes, **found.rates.passes},
            "start": found.rates.start,
        },
    }
    write_json(rates_file(root, hardware), content)
