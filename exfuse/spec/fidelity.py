"""What the paper and GCN say, and how it is read here: parts, hyper-parameters, and Section 3 sentence by sentence."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from exfuse.spec.base import ASSUMPTION, Frozen, Sourced

QUOTED_WORDS = 15
"""The longest quotation of a paper, in words."""
STAGE = re.compile(r"^fine_tuning\.(?P<stage>[^.]+)\.(?P<rest>.+)$")
Origin = Literal["paper", "GCN"]
ORIGIN = re.compile(r"\b(paper|GCN)\b")
"""Which of the two papers a source names."""


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
    """``file::function``, the function of a test."""

    @model_validator(mode="after")
    def _quotes_the_sources_of_its_readings(self) -> "Part":
        for key, reading in self.readings.items():
            named = set(ORIGIN.findall(reading.source))
            if ("paper" in named and not self.paper) or ("GCN" in named and not self.gcn):
                raise ValueError(f"reading '{key}' has the source '{reading.source}', of which nothing is quoted")
        return self


class Stated(Frozen):
    """What the papers say of a hyper-parameter."""

    paper: tuple[Statement, ...] = ()
    gcn: str = ""
    values: dict[Origin, Any] = Field(default_factory=dict)
    """The value that each states, as data; none of one that speaks of it and gives no value."""
    stages: tuple[str, ...] = ()
    """Stages of fine-tuning of which the values hold; empty: all."""

    @model_validator(mode="after")
    def _says_something(self) -> "Stated":
        if not self.paper and not self.gcn:
            raise ValueError("of this neither paper says anything; list it under `silent`")
        return self

    @model_validator(mode="after")
    def _quotes_its_values(self) -> "Stated":
        for origin, value in self.values.items():
            words = self.gcn if origin == "GCN" else " ".join(statement.shown for statement in self.paper)
            number = rf"(?<![\d.]){re.escape(str(value))}(?!\.?\d)"
            if not words or (isinstance(value, int | float) and not re.search(number, words)):
                raise ValueError(f"the value {value} of `values` does not stand in what is quoted of {origin}")
        return self

    def of_stage(self, stage: str) -> Mapping[Origin, Any]:
        """The values that hold for a stage ("" where the hyper-parameter has none)."""
        return self.values if not self.stages or stage in self.stages else {}


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

    It leads to a part, a reading or a hyper-parameter, and from there to code and tests; or says in ``nothing`` what it
    is instead of a statement about the method. Runs, tables, figures and claims come beside.
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
        leads = (self.parts, self.readings, self.hyperparameters)
        beside = (self.runs, self.tables, self.figures, self.claims)
        if self.nothing and any((*leads, *beside)):
            raise ValueError("a sentence that says something says no `nothing`")
        if not self.nothing and not any(leads):
            raise ValueError(
                "a sentence leads to a part, a reading or a hyper-parameter, or says in `nothing` what it is instead"
            )
        if len(self.first.split()) > QUOTED_WORDS:
            raise ValueError(f"a sentence is known by at most {QUOTED_WORDS} of its words")
        return self


class Section(Frozen):
    """A section of the paper: its sentences by paragraph, in order."""

    title: str
    paragraphs: dict[str, tuple[Sentence, ...]]
