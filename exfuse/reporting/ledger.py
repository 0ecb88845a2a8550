"""The hyper-parameters of a preset: what the papers say of each, its values by stage, and where they come from."""

from dataclasses import dataclass
from typing import Any

from exfuse.spec.base import LedgerEntry
from exfuse.spec.fidelity import Statement, without_stage
from exfuse.spec.spec import Spec


@dataclass(frozen=True)
class LedgerLine:
    """A hyper-parameter: where it applies, its value and its origin."""

    path: str
    stages: str
    value: str
    source: str
    why: str
    alternative: str
    assumed: bool


@dataclass(frozen=True)
class Hyperparameter:
    """All lines of one path, and what the papers say of it.

    Attributes:
        path: in the preset, without the stage.
        paper: what the paper says.
        gcn: what GCN says.
        values: one line for the stages that share value and origin.
    """

    path: str
    paper: tuple[Statement, ...]
    gcn: str
    values: tuple[LedgerLine, ...]

    @property
    def assumed(self) -> bool:
        """Whether a value of it is an assumption."""
        return any(line.assumed for line in self.values)


def hyperparameters(spec: Spec) -> list[Hyperparameter]:
    """The hyper-parameters of a spec's preset, in the order in which they are declared."""
    by_path: dict[str, list[LedgerLine]] = {}
    for line in ledger_lines(spec.ledger):
        by_path.setdefault(line.path, []).append(line)
    stated = spec.fidelity.hyperparameters.stated
    return [
        Hyperparameter(
            path,
            stated[path].paper if path in stated else (),
            stated[path].gcn if path in stated else "",
            tuple(lines),
        )
        for path, lines in by_path.items()
    ]


def ledger_lines(entries: tuple[LedgerEntry, ...]) -> list[LedgerLine]:
    """The ledger, with stages that share an entry in one line, in the order in which they are declared."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for entry in entries:
        path, stage = without_stage(entry.path)
        line = (path, _words(entry.value), entry.source, entry.why, entry.alternative, entry.assumed)
        groups.setdefault(line, []).append(stage)
    return [
        LedgerLine(path, ", ".join(stages), value, source, why, alternative, assumed)
        for (path, value, source, why, alternative, assumed), stages in groups.items()
    ]


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
