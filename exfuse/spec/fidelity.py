"""What the paper and GCN say, and how it is read here: parts, hyper-parameters, and Section 3 sentence by sentence."""

import re
from collections.abc import Mapping

from pydantic import Field, model_validator

from exfuse.spec.base import ASSUMPTION, Frozen, Sourced

QUOTED_WORDS = 15
"""The longest quotation of a paper, in words."""
STAGE = re.compile(r"^fine_tuning\.(?P<stage>[^.]+)\.(?P<rest>.+)$")


def without_stage(path: str) -> tuple[str, str]:
    """A path of the ledger that stands for all stages of fine-tuning, and the stage ("" where there is none)."""
    found = STAGE.match(path)
    return (f"fine_tuning.{found['rest']}", found["stage"]) if found else (path, "")


class Statement(Frozen):
    """What the paper says or prints, and where."""

    where: str = Field(min_length=1)
    says: str = ""
    """A few of its words as they stand."""
    prints: str = ""
    """An equation, or numbers of a table."""

    @model_validator(mode="after")
    def _is_one_and_short(self) -> "Statement":
        if bool(self.says) == bool(self.prints):
            raise ValueError("give either `says` (its words) or `prints` (an equation, numbers)")
        if len(self.says.split()) > QUOTED_WORDS:
            raise ValueError(f"a quotation has at most {QUOTED_WORDS} words, not {len(self.says.split())}")
        return self

    @property
    def shown(self) -> str:
        """As a reader sees it: words in quotation marks."""
        return f"“{self.says}”" if self.says else self.prints


class Reading(Sourced):
    """What is done here where the paper leaves something open: structure rather than a number."""

    value: str

    @property
    def assumed(self) -> bool:
        """Whether neither paper states it."""
        return self.source == ASSUMPTION


class Part(Frozen):
    """A part of the method, with its code and the tests of it."""

    title: str
    outside: str = ""
    """Of what it is a part, where it is none of Section 3."""
    paper: tuple[Statement, ...] = ()
    gcn: str = ""
    """What GCN says, where the paper leaves the part to it."""
    readings: dict[str, Reading] = Field(min_length=1)
    figure: str = ""
    """The figure of the graph that is drawn from this part."""
    hyperparameters: tuple[str, ...] = ()
    """Paths of the ledger, without the stage."""
    code: tuple[str, ...] = Field(min_length=1)
    """``file::symbol``, or a file."""
    tests: tuple[str, ...] = Field(min_length=1)
    """``file::function``."""


class Stated(Frozen):
    """What the papers say of a hyper-parameter."""

    paper: tuple[Statement, ...] = ()
    gcn: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> "Stated":
        if not self.paper and not self.gcn:
            raise ValueError("of this neither paper says anything; list it under `silent`")
        return self


class StatedHyperparameters(Frozen):
    """``hyperparameters.yaml``: what the papers say of each path of the ledger, without the stage."""

    stated: dict[str, Stated]
    silent: tuple[str, ...]
    """Paths of which neither paper says anything."""

    @model_validator(mode="after")
    def _stands_once(self) -> "StatedHyperparameters":
        paths = [*self.stated, *self.silent]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"'{path}' stands twice")
        return self


class Fidelity(Frozen):
    """What ``params/fidelity/`` says of parts and hyper-parameters."""

    parts: dict[str, Part]
    hyperparameters: StatedHyperparameters

    def readings(self) -> Mapping[str, Reading]:
        """All readings by ``<part>.<reading>``."""
        return {f"{name}.{key}": one for name, part in self.parts.items() for key, one in part.readings.items()}


class Sentence(Frozen):
    """A sentence of Section 3, known by its first words, and where it went.

    It points at names of the spec, or says in ``nothing`` what it is instead of a statement about the method.
    """

    first: str = Field(min_length=1)
    parts: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    """``<part>.<reading>``."""
    hyperparameters: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    """``<table>`` or ``<table>/<row>``."""
    figures: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    nothing: str = ""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "Sentence":
        leads = (self.parts, self.readings, self.hyperparameters, self.runs, self.tables, self.figures, self.claims)
        if any(leads) == bool(self.nothing):
            raise ValueError("a sentence points at something, or says in `nothing` what it is instead")
        if len(self.first.split()) > QUOTED_WORDS:
            raise ValueError(f"a sentence is known by at most {QUOTED_WORDS} of its words")
        return self


class Section(Frozen):
    """A section of the paper: its sentences by paragraph, in order."""

    title: str
    paragraphs: dict[str, tuple[Sentence, ...]]
