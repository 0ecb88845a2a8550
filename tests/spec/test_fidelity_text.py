"""Fidelity against the text of the paper, where it is at hand: quotations word for word, no sentence left out."""

import re
from pathlib import Path

import pytest

from exfuse.spec.load import sections
from exfuse.spec.spec import Spec

ENTRIES_WITHOUT_WORDS = ("The table", "Equation ")
"""Entries of `sentences.yaml` that stand for a table's or an equation's body."""


@pytest.fixture(scope="session")
def paper_text(repo_root: Path) -> str:
    """The paper as text, if a copy lies beside the repository; it is not ours to keep in it."""
    texts = (file.read_text() for file in sorted((repo_root.parent / "shared" / "paper").glob("*.txt")))
    for text in texts:
        if "### 3 Approach" in text:
            return text
    pytest.skip("no text of the paper beside the repository")


def plain(text: str) -> str:
    """Letters, digits and signs without marks of layout and without spaces."""
    text = re.sub(r"</?[a-z]+>", "", text).replace(r"\times", "×")
    return re.sub(r"\\mathbf|[\\*${}\s]", "", text)


def test_quotations_stand_in_the_paper_word_for_word(paper: Spec, paper_text: str) -> None:
    text = plain(paper_text)
    statements = [statement for part in paper.fidelity.parts.values() for statement in part.paper]
    statements += [said for one in paper.fidelity.hyperparameters.stated.values() for said in one.paper]
    said = [statement.says for statement in statements if statement.says]
    assert len(said) > 40
    assert [words for words in said if plain(words) not in text] == []


def test_no_sentence_of_section_3_is_left_out(repo_root: Path, paper_text: str) -> None:
    """Between the first words of one entry and those of the next, no other sentence begins."""
    figure2 = paper_text[paper_text.index("**Fig. 2.**") :].splitlines()[0]
    section = paper_text[paper_text.index("### 3 Approach") : paper_text.index("## 4 PASCAL VOC 2012 Experiment")]
    text = _sentence_starts(f"{figure2}\n{section}")
    starts = []
    for one in sections(repo_root).values():
        for listed in one.paragraphs.values():
            for sentence in listed:
                if not sentence.first.startswith(ENTRIES_WITHOUT_WORDS):
                    place = text.find("¶" + plain(sentence.first))
                    assert place >= 0, sentence.first
                    text = f"{text[:place]}§{text[place + 1 :]}"  # the next entry of the same words is the next place
                    starts.append(place)
    assert len(starts) > 120
    assert re.findall(r"¶[^¶§]{0,40}", text) == []


def _sentence_starts(text: str) -> str:
    """The plain text with ¶ before each sentence; headings, tables and equations are left out."""
    lines = [
        line.removeprefix("<sup>3</sup> ")
        for line in text.splitlines()
        if line.strip() and not line.startswith("#") and "\t" not in line and not line.startswith("$$")
    ]
    joined = "\n".join(lines)
    joined = re.sub(r"\*\*(Fig\.|Table) \d\.\*\* ", "", joined)
    joined = re.sub(r"^\*?\*(Baseline Settings\.|[A-Z][\w ?]+)\*\*? (?=[A-Z])", "", joined, flags=re.M)
    joined = joined.replace("e.g. ", "e.g.").replace("impl. ", "impl.").replace("supervision. **", "supervision.**")
    joined = re.sub(r"(rearrangement|embedding|branch|prediction)\. \*\*", r"\1.**", joined)
    joined = re.sub(r"(^|(?<=[.?!:)]\s))(?=[A-Z“*]|where )", "¶", joined, flags=re.M)
    return plain(joined)
