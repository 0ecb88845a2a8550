"""``docs/fidelity.md``: what the paper says, what is done here, and where code and tests of it are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exfuse.reporting.ledger import Hyperparameter, hyperparameters
from exfuse.spec.fidelity import Section, Sentence
from exfuse.spec.spec import Spec

TEMPLATES = Path(__file__).parent / "templates"
SPECIAL = re.compile(r"([\\`*_\[\]<>|])")

GROUPS = {
    "normalization": "Normalisation",
    "pretraining": "Pretraining",
    "fine_tuning": "Fine-tuning",
    "decoder": "Decoder",
    "semantic_supervision": "Semantic supervision",
    "evaluation": "Evaluation",
}
"""Headings of the groups of hyper-parameters; one that has none here is called by its key."""


@dataclass(frozen=True)
class Layout:
    """An encoder with its classifier at 224²: what layer rearrangement changes.

    Attributes:
        title: its name.
        blocks: residual blocks by stage.
        parameters: without heads of semantic supervision.
        macs: multiply-accumulates, without those heads.
        supervised_macs: with them; none where the encoder has none.
    """

    title: str
    blocks: tuple[int, ...]
    parameters: int
    macs: int
    supervised_macs: int | None


@dataclass(frozen=True)
class RowCost:
    """A row of Table 3: its printed mIoU, and its network's parameters and multiply-accumulates at 512²."""

    label: str
    marks: tuple[str, ...]
    paper: float
    parameters: int
    macs: int


@dataclass(frozen=True)
class Costs:
    """What the finding on {8, 8, 9, 8} rests on, in multiply-accumulates of one image.

    Attributes:
        layouts: the encoders of the paper's layouts.
        identity: one block without a change of shape in each stage of the first layout, at 224².
        rows: those of Table 3.
        encoder: the first layout at 512².
        decoder: GCN's with as many channels as classes.
        wide_decoder: the same with k² times as many.
        refinement: the last boundary refinement of the wide decoder.
        taps: what features from the second convolution add to the encoder.
        embedding: what SEB adds.
        channels: of both decoders.
    """

    layouts: tuple[Layout, ...]
    identity: tuple[int, ...]
    rows: tuple[RowCost, ...]
    encoder: int
    decoder: int
    wide_decoder: int
    refinement: int
    taps: int
    embedding: int
    channels: tuple[int, int]


def render(spec: Spec, sections: Mapping[str, Section], costs: Costs) -> str:
    """The document's text.

    Args:
        spec: at the paper's sizes.
        sections: Section 3, sentence by sentence.
        costs: measured on the networks of ``spec``.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=markdown, anchor=anchor, giga=giga, mega=mega)
    lines = hyperparameters(spec)
    return environment.get_template("fidelity.md.jinja").render(
        preset=spec.preset,
        parts=spec.fidelity.parts,
        readings=spec.fidelity.readings(),
        groups=_groups(lines),
        values=[value for line in lines for value in line.values],
        sections=sections,
        sentences=sum(len(listed) for section in sections.values() for listed in section.paragraphs.values()),
        leading=_leading(sections),
        costs=costs,
        classes=len(spec.classes),
    )


def markdown(text: str) -> str:
    """Plain text as Markdown shows it."""
    return SPECIAL.sub(r"\\\1", text)


def anchor(name: str) -> str:
    """The id of a place in the document."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def giga(count: int, digits: int = 3) -> str:
    """Multiply-accumulates in units of 10⁹."""
    return f"{count / 1e9:.{digits}f}"


def mega(count: int) -> str:
    """Parameters in units of 10⁶."""
    return f"{count / 1e6:.3f}"


def _groups(lines: list[Hyperparameter]) -> dict[str, list[Hyperparameter]]:
    groups: dict[str, list[Hyperparameter]] = {}
    for line in lines:
        key = line.path.partition(".")[0]
        groups.setdefault(GROUPS.get(key, key.replace("_", " ").capitalize()), []).append(line)
    return groups


def _leading(sections: Mapping[str, Section]) -> dict[str, list[str]]:
    """Numbers of the sentences ("3.1-7") that lead to each part, itself or through one of its readings."""
    found: dict[str, list[str]] = {}
    for number, section in sections.items():
        sentences: list[Sentence] = [one for listed in section.paragraphs.values() for one in listed]
        for place, sentence in enumerate(sentences, start=1):
            parts = (*sentence.parts, *(reading.partition(".")[0] for reading in sentence.readings))
            for part in dict.fromkeys(parts):
                found.setdefault(part, []).append(f"{number}-{place}")
    return found
