"""Tables as LaTeX with booktabs: the paper's columns, each with the printed and the measured value side by side."""

from collections.abc import Sequence

from exfuse.reporting.cells import ReportedCell
from exfuse.reporting.evaluations import MEASURED, QUOTED
from exfuse.spec.paper import Row, Table

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "\n": " ",
    }
)
PREAMBLE = "% needs \\usepackage{booktabs,amssymb}"
VALUES = ("Paper", "Measured", r"$\Delta$")


def escape(text: str) -> str:
    """Text as LaTeX prints it, its special characters taken literally."""
    return text.translate(ESCAPES)


def render(name: str, table: Table, cells: Sequence[ReportedCell], notes: Sequence[str], preset: str) -> str:
    """A ``table`` environment.

    Args:
        name: the table's name, for the label.
        table: its headings, rows and check marks.
        cells: what to print.
        notes: sentences below the table.
        preset: which preset measured, for the caption.
    """
    by_place = {(cell.row, cell.column): cell for cell in cells}
    body = [_row(table, row, by_place) for row in table.rows]
    caption = f"{table.title} of ExFuse (ECCV 2018): {table.caption} Paper against preset {preset}."
    lines = [
        PREAMBLE,
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:exfuse-{name}}}",
        rf"\begin{{tabular}}{{l{'c' * len(table.marks)}{'rrr' * len(table.columns)}}}",
        r"\toprule",
        *_head(table),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {escape(note)}}}" for note in notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _head(table: Table) -> list[str]:
    marks = [escape(mark) for mark in table.marks]
    headings = [rf"\multicolumn{{3}}{{c}}{{{escape(heading)}}}" for heading in table.columns.values()]
    first = 2 + len(marks)
    rules = [rf"\cmidrule(lr){{{at}-{at + 2}}}" for at in range(first, first + 3 * len(headings), 3)]
    values = [*([""] * len(marks)), *VALUES * len(headings)]
    return [_line(["", *marks, *headings]), "".join(rules), _line(["", *values])]


def _row(table: Table, row: Row, by_place: dict[tuple[str, str], ReportedCell]) -> str:
    marks = [r"\checkmark" if mark in row.marks else "" for mark in table.marks]
    values: list[str] = []
    for column in table.columns:
        cell = by_place.get((row.label, column))
        values += ["", "", ""] if cell is None else [cell.paper, _measured(cell), _delta(cell)]
    return _line([escape(row.label), *marks, *values])


def _measured(cell: ReportedCell) -> str:
    if cell.evaluation.status != MEASURED:
        return "--" if cell.evaluation.status == QUOTED else rf"\emph{{{escape(cell.evaluation.status)}}}"
    return cell.measured + (rf" $\pm$ {cell.std}" if cell.std else "")


def _delta(cell: ReportedCell) -> str:
    return f"${cell.delta}$" if cell.delta else ""


def _line(values: Sequence[str]) -> str:
    return " & ".join(values) + r" \\"
