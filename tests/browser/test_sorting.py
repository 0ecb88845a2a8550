"""Columns of a table by themselves: numbers with units and words behind them, and cells with nothing in them."""

import pytest

from exfuse.reporting.report import assets

pytestmark = pytest.mark.browser

ORDERS = [
    ["59.0 s", "3.0 min\n1 interrupted", "4.0 min", "2.0 h", "1 d"],
    ["12 B", "3.0 kB", "2.9 MB another now", "1.0 GB"],
    ["999", "1.5k", "2 M", "1.0 G"],
    ["−1.20", "−0.3 ± 0.1", "0.00", "+0.5\n[0.1, 0.9]", "5 held back", "1,200", "–"],
]


@pytest.mark.parametrize("cells", ORDERS)
def test_a_unit_right_after_the_number_counts(opened, tmp_path, cells):
    file = tmp_path / "table.html"
    rows = "".join(f'<tr><td class="number">{cell.replace(chr(10), "<br>")}</td></tr>' for cell in reversed(cells))
    head = '<thead><tr><th class="number">Amount</th></tr></thead>'
    script = assets("scripts", ("sorting",), "js")
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><table class="sortable">{head}<tbody>{rows}</tbody></table>'
        f"<script>{{{script}}}</script>",
        encoding="utf-8",
    )
    page = opened(file)
    page.get_by_role("button", name="Amount").click()
    assert page.locator("tbody td").all_inner_texts() == cells
