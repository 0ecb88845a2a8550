"""The ledger of hyper-parameters, with stages that share an entry in one line."""

import re
from dataclasses import dataclass
from typing import Any

from exfuse.spec.base import LedgerEntry

STAGE = re.compile(r"^fine_tuning\.(?P<stage>[^.]+)\.(?P<rest>.+)$")


@dataclass(frozen=True)
class LedgerLine:
    """A hyper-parameter: where it applies, its value and its origin."""

    path: str
    stages: str
    value: str
    source: str
    why: str
    alternative: str


def ledger_lines(entries: tuple[LedgerEntry, ...], *, assumed: bool) -> list[LedgerLine]:
    """The assumptions, or all that a source states, in the order in which they are declared."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        if entry.assumed == assumed:
            found = STAGE.match(entry.path)
            path, stage = (f"fine_tuning.{found['rest']}", found["stage"]) if found else (entry.path, "")
            line = (path, _words(entry.value), entry.source, entry.why, entry.alternative)
            groups.setdefault(line, []).append(stage)
    return [
        LedgerLine(path, ", ".join(stages), value, source, why, alternative)
        for (path, value, source, why, alternative), stages in groups.items()
    ]


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
