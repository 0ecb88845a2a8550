"""Tables as Markdown, against a table written out by hand, and read back by a reader of Markdown's rules."""

import dataclasses
import re

from exfuse.reporting.cells import table_cells
from exfuse.reporting.tables import table_texts, write_table

HOSTILE = "a|b *c* _d_ `e` [f](g) <script> #h"


def markdown(results, name):
    cells = table_cells(results.graph, results.spec.tables[name])
    return table_texts(results.graph, name, cells)["md"]


def grid(text):
    """Cells of the table's lines, split where GitHub splits them."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_a_whole_table(results):
    results.run("ss-lr", 0.5)
    results.run("ss-lr-ecre", 0.51239)
    lines = markdown(results, "table4").splitlines()
    assert lines[0].startswith("**Table 4.** Ablation study on the design of Explicit Channel Resolution Embedding")
    assert lines[2:8] == [
        "|  | mIoU (%), paper | mIoU (%), measured | mIoU (%), difference |",
        "| --- | ---: | ---: | ---: |",
        "| Baseline | 78.3 | 50.00 | −28.30 |",
        "| Deconv + Supervised | 78.2 | *missing* |  |",
        "| Sub-pixel Upsample Only | 77.6 | *missing* |  |",
        "| ECRE (Fig 5) | 78.8 | 51.24 | −27.56 |",
    ]


def test_marks_and_seeds(seeded):
    for seed, miou in enumerate((0.40, 0.41, 0.45)):
        seeded.run("ss", miou, seed=seed)
    head, rule, *rows = grid(markdown(seeded, "table3"))
    assert head[:7] == ["", "Baseline", "SS", "LR", "ECRE", "SEB", "DAP"]
    assert rule[1] == ":---:"
    assert rows[1] == ["2", "✓", "✓", "", "", "", "", "77.5", "42.00 ± 2.65", "−35.50"]


def test_every_line_has_every_column_whatever_the_labels(results):
    table = results.spec.tables["table3"]
    row = table.rows[0].model_copy(update={"label": HOSTILE})
    hostile = table.model_copy(update={"rows": (row, *table.rows[1:]), "caption": HOSTILE})
    spec = dataclasses.replace(results.spec, tables={**results.spec.tables, "table3": hostile})
    text = markdown(type(results)(spec), "table3")
    assert {len(line) for line in grid(text)} == {1 + 6 + 3}
    assert "<script>" not in text.replace(r"\<script\>", "")


def test_it_lies_beside_the_others(results):
    write_table(results.graph, "table8")
    assert "| quoted |" in results.graph.layout.table("table8", "md").read_text()
