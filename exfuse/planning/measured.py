"""Rates that `exfuse plan --measure` found on a machine, in `.exfuse/rates/`."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.planning.rates import Measured


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


def rates_file(root: Path) -> Path:
    """Of this machine; clones on a file system that several share keep them apart."""
    return root / ".exfuse" / "rates" / f"{platform.node() or 'machine'}.json"


def read_measurement(root: Path) -> Measurement | None:
    """This machine's; none where nothing was measured, or by other code."""
    try:
        content = read_json(rates_file(root))
        rates = content["rates"]
        return Measurement(
            device=content["device"],
            cores=content["cores"],
            side_by_side=content["side_by_side"],
            when=content["when"],
            rates=Measured(dict(rates["parts"]), dict(rates["passes"]), (rates["start"][0], rates["start"][1])),
        )
    except (UserError, KeyError, TypeError, ValueError, IndexError):
        return None


def write_measurement(root: Path, found: Measurement) -> None:
    """Keeps it, with the rates of other networks that were measured before on the same device.

    Raises:
        UserError: it cannot be written.
    """
    before = read_measurement(root)
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
    write_json(rates_file(root), content)
