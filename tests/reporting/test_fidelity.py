"""`docs/fidelity.md`: up to date, without dead links, and true to the numbers that it is given."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from exfuse.commands import fidelity as command
from exfuse.errors import UserError
from exfuse.reporting.fidelity import Costs, Layout, RowCost, anchor, giga, markdown, mega, render
from exfuse.reporting.ledger import hyperparameters
from exfuse.spec.base import LedgerEntry
from exfuse.spec.fidelity import Fidelity, Section
from exfuse.spec.load import load, sections
from exfuse.spec.spec import Spec

COSTS = Costs(
    layouts=(
        Layout("Plain", (3, 4, 23, 3), 44_000_000, 8_000_000_000, None),
        Layout("Rearranged + SS", (8, 8, 9, 8), 52_500_000, 8_000_000_000, 19_000_000_000),
        Layout("Deeper + SS", (8, 8, 19, 8), 70_000_000, 10_000_000_000, 21_000_000_000),
    ),
    identity=(220_000_000,) * 4,
    rows=(
        RowCost("1", ("Baseline",), 76.0, 44_700_000, 50_430_000_000),
        RowCost("2", ("Baseline", "SS"), 77.5, 69_500_000, 108_430_000_000),
        RowCost("3", ("Baseline", "SS", "LR"), 78.3, 77_700_000, 108_430_000_000),
        RowCost("5", ("Baseline", "SS", "LR", "SEB"), 79.0, 119_000_000, 128_930_000_000),
        RowCost("6", ("Baseline", "SS", "LR", "SEB", "DAP"), 79.6, 151_100_000, 476_430_000_000),
    ),
    encoder=41_600_000_000,
    decoder=8_800_000_000,
    wide_decoder=356_300_000_000,
    refinement=168_600_000_000,
    taps=58_000_000_000,
    embedding=20_500_000_000,
    channels=(21, 189),
)


@pytest.fixture(scope="module")
def paper(repo_root: Path) -> Spec:
    return load(repo_root, "paper")


@pytest.fixture(scope="module")
def section3(repo_root: Path) -> dict[str, Section]:
    return sections(repo_root)


@pytest.fixture(scope="module")
def document(repo_root: Path) -> str:
    return (repo_root / "docs" / "fidelity.md").read_text()


def test_the_document_says_what_params_declare(repo_root: Path, document: str) -> None:
    assert document == command.document(repo_root), "docs/fidelity.md is out of date: run `exfuse fidelity`"


def test_check_names_the_command_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "document", lambda root: "as declared\n")
    with pytest.raises(UserError, match="`exfuse fidelity` writes it anew"):
        command.run(check=True)
    assert list(tmp_path.iterdir()) == []
    command.run(check=False)
    assert (tmp_path / "docs" / "fidelity.md").read_text() == "as declared\n"
    command.run(check=True)
    assert capsys.readouterr().out.endswith("up to date\n")
    (tmp_path / "docs" / "fidelity.md").write_text("edited\n")
    with pytest.raises(UserError, match="`exfuse fidelity` writes it anew"):
        command.run(check=True)
    assert (tmp_path / "docs" / "fidelity.md").read_text() == "edited\n"


def test_links_lead_to_places_and_files_that_exist(repo_root: Path, document: str) -> None:
    places = re.findall(r'<a id="([^"]+)"></a>', document)
    assert [place for place, count in Counter(places).items() if count > 1] == []
    links = re.findall(r"\]\(([^)]+)\)", document)
    inside = {link[1:] for link in links if link.startswith("#")}
    files = {link for link in links if not link.startswith("#")}
    assert len(inside) > 150
    assert len(files) > 40
    assert inside - set(places) == set()
    assert [file for file in files if not (repo_root / "docs" / file).exists()] == []


def test_every_part_reading_value_and_sentence_is_there(
    paper: Spec, section3: dict[str, Section], document: str
) -> None:
    places = set(re.findall(r'<a id="([^"]+)"></a>', document))
    assert {f"part-{name}" for name in paper.fidelity.parts} <= places
    assert {f"reading-{anchor(name)}" for name in paper.fidelity.readings()} <= places
    assert {f"value-{anchor(one.path)}" for one in hyperparameters(paper)} <= places
    for number, section in section3.items():
        count = sum(len(listed) for listed in section.paragraphs.values())
        assert f"s{anchor(f'{number}-{count}')}" in places
        assert f"s{anchor(f'{number}-{count + 1}')}" not in places


def test_assumptions_are_marked_and_counted(paper: Spec, section3: dict[str, Section]) -> None:
    text = render(paper, section3, COSTS)
    readings = sum(reading.assumed for reading in paper.fidelity.readings().values())
    values = sum(line.assumed for one in hyperparameters(paper) for line in one.values)
    assert text.count("⚠️ **Assumption:**") == readings + values
    assert f"There are {readings} among the {len(paper.fidelity.readings())} readings" in text
    assert f"and {values} among the" in text


def test_a_part_leads_to_its_sentences_and_back(paper: Spec, section3: dict[str, Section]) -> None:
    """Equation 3 is the tenth entry's neighbour in Section 3.2 and leads to DAP, which names it."""
    text = render(paper, section3, COSTS)
    (place,) = re.findall(r"\*\*(3\.2-\d+)\*\* \*Equation 3 …\* → \[Densely adjacent prediction", text)
    block = text[text.index('<a id="part-dap"></a>') : text.index('<a id="part-wide-decoder"></a>')]
    assert f"[{place}](#s{anchor(place)})" in block
    assert "exfuse/models/dap.py" in block
    assert "test_is_equation_3_forward_and_gradient" in block


def test_the_finding_is_that_of_the_numbers(paper: Spec, section3: dict[str, Section]) -> None:
    text = render(paper, section3, COSTS)
    assert "## A finding: {8, 8, 9, 8} costs what {3, 4, 23, 3} costs" in text
    assert "cost the same to the last operation (8,000,000,000 and 8,000,000,000 MAC)" in text
    assert "| Rearranged | 8, 8, 9, 8 | 33 | 52.500 M | 8.000 | 19.000 |" in text
    assert "by 8.500 M" in text
    plain, rearranged, deeper = COSTS.layouts
    dearer = dataclasses.replace(rearranged, macs=8_250_000_000)
    other = render(paper, section3, dataclasses.replace(COSTS, layouts=(plain, dearer, deeper)))
    assert "costs not what" in other
    assert "- [A finding: {8, 8, 9, 8} costs not what {3, 4, 23, 3} costs](#finding)" in other
    assert "differ by 0.25 GMAC" in other
    assert "asks for no adjustment" not in other


def test_what_follows_from_the_costs_follows_them(paper: Spec, section3: dict[str, Section]) -> None:
    text = render(paper, section3, COSTS)
    assert "costs the same in every\nstage: 0.2200, 0.2200, 0.2200, 0.2200 GMAC" in text
    assert "#2 → #3 (LR)** costs nothing in operations and +8.200 M in parameters." in text
    assert "Part of the 1.5 points" in text and "#1 → #2 adds layers" in text
    assert "here they are as wide as their stage" in text
    assert "(DAP)** adds 347.5 GMAC; 189 channels instead of 21 add 347.5" in text
    assert "It is the channels, not DAP" in text
    first, second, third, *others = COSTS.rows
    rows = (
        dataclasses.replace(first, label="one", paper=76.4),
        second,
        dataclasses.replace(third, macs=third.macs - 2_000_000_000, parameters=second.parameters),
        *others,
    )
    changed = dataclasses.replace(COSTS, identity=(2, 1, 1, 1), rows=rows, wide_decoder=COSTS.decoder + 9_000_000_000)
    heads = paper.preset.semantic_supervision.model_copy(update={"width_ratio": 0.25})
    preset = paper.preset.model_copy(update={"semantic_supervision": heads})
    other = render(dataclasses.replace(paper, preset=preset), section3, changed)
    assert "costs the same in every\nstage" not in other
    assert "#2 → #3 (LR)** costs -2.000 GMAC in operations and nothing in parameters." in other
    assert "#one → #2 adds layers" in other and "Part of the 1.1 points" in other
    assert "here they are 0.25 times as wide as their stage" in other
    assert "It is the channels" not in other
    lone = render(paper, section3, dataclasses.replace(COSTS, rows=COSTS.rows[:1], taps=0))
    assert "#1 →" not in lone and "(LR)**" not in lone and "(DAP)**" not in lone and "(SEB)**" not in lone


def test_figures_lead_to_what_is_drawn_and_to_what_draws_it(document: str) -> None:
    assert "[Figure 4 as drawn here](figures/figure4.svg) by [`architecture/figure4.py`]" in document
    assert "[Figure 1 as drawn here](../exfuse/reporting/figure1.py)" in document
    assert "reporting/figures.py" not in document


def test_values_of_stages_are_named(paper: Spec, section3: dict[str, Section]) -> None:
    text = render(paper, section3, COSTS)
    (line,) = [line for line in text.splitlines() if 'id="value-fine-tuning-steps"' in line]
    assert "**320000** (trainaug)" in line
    assert "GCN: prints none" in line
    (single,) = [line for line in text.splitlines() if 'id="value-decoder-dap-kernel"' in line]
    assert "| **3**. From: paper §3.2 (k = 3)." in single


def test_words_of_params_are_no_markup(paper: Spec, section3: dict[str, Section]) -> None:
    hostile = "a|b <b>x</b> [y](z) _u_ *v* `w`"
    part = paper.fidelity.parts["dap"]
    reading = part.readings["border"].model_copy(update={"value": hostile})
    changed = part.model_copy(update={"title": hostile, "readings": {"border": reading, **part.readings}})
    fidelity = Fidelity(parts={**paper.fidelity.parts, "dap": changed}, hyperparameters=paper.fidelity.hyperparameters)
    ledger = (LedgerEntry(path="decoder.dap_kernel", value=hostile, source="assumption", why=hostile),)
    text = render(dataclasses.replace(paper, fidelity=fidelity, ledger=ledger), section3, COSTS)
    assert hostile not in text
    assert text.count(markdown(hostile)) >= 4


def test_words_and_numbers() -> None:
    assert markdown(r"x_l | a\b") == r"x\_l \| a\\b"
    assert anchor("fine_tuning.optimizer.name") == "fine-tuning-optimizer-name"
    assert [giga(7_969_996_800), giga(50_431_387_648, 1)] == ["7.970", "50.4"]
    assert mega(44_177_704) == "44.178"
