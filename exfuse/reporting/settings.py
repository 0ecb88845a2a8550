"""The settings of jobs, each with its origin: once what most jobs of a kind share, and of each job what it does not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exfuse.reporting.lineage import Record, flat
from exfuse.spec.base import LedgerEntry
from exfuse.spec.graph import Graph

UNTOLD = ("seed",)
"""Settings that a job's name tells."""
ABSENT = "–"


@dataclass(frozen=True)
class Setting:
    """A value that a job was given.

    Attributes:
        path: dotted, in the job's manifest.
        value: in words; a dash where the job has none, unlike others of its kind.
        origin: the hyper-parameter that it is, with its source; none where it is none, or has another value there.
    """

    path: str
    value: str
    origin: LedgerEntry | None = None


@dataclass(frozen=True)
class Shared:
    """What more than half of the jobs of a kind were given.

    Attributes:
        name: of the kind: ``backbones``, a stage, ``evaluation``.
        jobs: how many there are.
        settings: in the order in which they stand in the manifests.
    """

    name: str
    jobs: int
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Own:
    """What seeds of a stage, or one job, were given beside what is shared: which seeds, and settings."""

    seeds: str
    settings: tuple[Setting, ...]


class Origins:
    """Where the hyper-parameters of a preset come from, by path.

    Args:
        graph: the preset's jobs.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._entries: dict[tuple[str, str], LedgerEntry] = {}
        for entry in graph.spec.ledger:
            ((_, words),) = flat({"value": entry.value}) if not isinstance(entry.value, dict) else (("", ""),)
            self._entries.setdefault((entry.path, words), entry)

    def of(self, job: str, path: str, value: str) -> Setting:
        """A setting of a job, with its origin where the preset states this very value."""
        found = (self._entries.get((place, value)) for place in self._places(job, path))
        return Setting(path, value, next((entry for entry in found if entry is not None), None))

    def _places(self, job: str, path: str) -> Iterator[str]:
        """Where in the preset a setting may stand."""
        kind, name, *rest = job.split("/")
        head, _, tail = path.partition(".")
        encoder = tail if head == "architecture" else path.partition("model.backbone.")[2]
        if encoder:
            backbone = name if kind == "backbones" else self._graph.spec.backbone_name(name)
            yield from (encoder, f"backbones.{backbone}.{encoder}", f"backbones.common.{encoder}")
        elif head == "model":
            yield tail
        elif head == "fine_tuning" and len(rest) > 1:
            yield f"fine_tuning.{rest[1]}.{tail}"
            if tail == "steps":
                yield f"fine_tuning.{rest[1]}.wide_steps"
        else:
            yield path


def shared(name: str, records: Sequence[Record], origins: Origins) -> Shared:
    """What more than half of some jobs were given."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Record] = {}
    for about in records:
        for pair in about.settings.items():
            counts[pair] += 1
            first.setdefault(pair, about)
    common = [pair for pair, count in counts.items() if 2 * count > len(records) and pair[0] not in UNTOLD]
    return Shared(name, len(records), tuple(origins.of(first[pair].job.name, *pair) for pair in common))


def own(records: Sequence[Record], common: Shared, origins: Origins) -> tuple[Own, ...]:
    """What jobs of one stage were given beside what is shared: once for the seeds that were given the same."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    settings = [_unlike(about, common, origins) for about in records]
    for seed, found in enumerate(settings):
        groups.setdefault(tuple((one.path, one.value) for one in found), []).append(seed)
    return tuple(Own(_seeds(seeds, len(records)), settings[seeds[0]]) for seeds in groups.values())


def _unlike(about: Record, common: Shared, origins: Origins) -> tuple[Setting, ...]:
    settings = about.settings
    usual = {one.path: one.value for one in common.settings}
    other = {path: value for path, value in settings.items() if path not in UNTOLD and usual.get(path) != value}
    absent = [path for path in usual if path not in settings and not _within(path, other)]
    return (
        *(origins.of(about.job.name, path, value) for path, value in other.items()),
        *(Setting(path, ABSENT) for path in absent),
    )


def _within(path: str, groups: dict[str, str]) -> bool:
    """Whether a group that holds a path was given another value as a whole: ``semantic_supervision: none``."""
    return any(path.startswith(f"{group}.") for group in groups)


def _seeds(seeds: Sequence[int], of: int) -> str:
    if len(seeds) == of:
        return ""
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
