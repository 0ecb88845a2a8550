"""The page of two reproductions."""

import re
import shutil

import pytest

from exfuse.errors import UserError
from exfuse.files import write_csv
from exfuse.reporting.comparison.page import write_comparison
from tests.reporting.comparison.reproductions import HOSTILE, MANIFEST, STAGE, change, claim, page


def test_page_is_whole_and_asks_nobody(original, better, tmp_path):
    html = page(original, better, tmp_path)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert not re.search(r'src=|@import|url\(|https?://|href="[^#]', html)
    assert html.count("<table") == html.count("<caption")


def test_hostile_words_are_shown(pair, tmp_path):
    a, b = pair
    lines = [{"row": HOSTILE, "column": HOSTILE, "run": HOSTILE, "paper": "1", "measured": "2", "std": "", "seeds": "1",
              "status": HOSTILE}]  # fmt: skip
    write_csv(b / "tables/table3.csv", tuple(lines[0]), lines)
    write_csv(b / "claims.csv", tuple(claim("x", "y")), [claim(HOSTILE, HOSTILE, why=HOSTILE)])
    change(b / MANIFEST, "settings", HOSTILE, value=HOSTILE)
    change(b / f"{STAGE}/provenance.json", "host", value=HOSTILE)
    change(b / "tables/table3.manifest.json", "settings", "table", "caption", value=HOSTILE)
    folder = tmp_path / "<b>folder</b>"
    shutil.move(b, folder)
    html = page(a, folder, tmp_path)
    assert "<script>alert" not in html and "<b>folder" not in html
    assert html.count("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;") >= 8


def test_only_a_page_of_its_own_is_replaced(original, better, tmp_path):
    output = tmp_path / "page.html"
    output.write_text("<html>somebody's work</html>")
    with pytest.raises(UserError, match=r"exists and is no comparison\. Use --overwrite"):
        write_comparison(original, better, output)
    assert output.read_text() == "<html>somebody's work</html>"
    write_comparison(original, better, output, overwrite=True)
    first = output.read_text()
    write_comparison(better, original, output)
    assert output.read_text() != first
    with pytest.raises(UserError, match="is a folder"):
        write_comparison(original, better, tmp_path)
