"""The page that puts two reproductions side by side."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import exfuse
from exfuse.errors import UserError
from exfuse.files import encodable, write_text, writing
from exfuse.reporting.comparison.differences import differences
from exfuse.reporting.comparison.folder import FACTS, ResultsFolder, read_folder, require_two
from exfuse.reporting.comparison.meaning import meaning
from exfuse.reporting.comparison.numbers import compared_claims, compared_tables
from exfuse.reporting.report import assets, environment

MARK = '<meta name="generator" content="exfuse report --compare">'
"""By which the program knows a page that it may replace."""
HEAD_BYTES = 1024
STYLES = ("base", "page", "tables", "claims", "details", "comparison", "phone", "print")
SCRIPTS = ("sorting", "contents")


def write_comparison(a: Path, b: Path, output: Path, *, overwrite: bool = False) -> None:
    """Writes the comparison of two results folders.

    Args:
        a: a results folder.
        b: another one.
        output: the page.
        overwrite: whether a file is replaced that is no such page.

    Raises:
        UserError: a folder cannot be compared, or the page cannot be written.
    """
    require_two(a, b)
    _require_free(output, overwrite)
    page = render(read_folder(a), read_folder(b))
    write_text(output, encodable(page))


def render(a: ResultsFolder, b: ResultsFolder) -> str:
    """The page."""
    return environment().get_template("comparison.html.jinja").render(_context(a, b))


def _context(a: ResultsFolder, b: ResultsFolder) -> dict[str, Any]:
    found = differences(a, b)
    claims = compared_claims(a, b)
    return {
        "mark": MARK,
        "version": exfuse.__version__,
        "sides": {"A": a, "B": b},
        "caveats": _caveats({"A": a, "B": b}),
        "facts": FACTS,
        "meaning": meaning(a, b, found),
        "tables": compared_tables(a, b),
        "claims": claims,
        "agreement": Counter(claim.agreement for claim in claims),
        "found": found,
        "style": assets("styles", STYLES, "css"),
        "scripts": [assets("scripts", (name,), "js") for name in SCRIPTS],
    }


def _caveats(sides: Mapping[str, ResultsFolder]) -> dict[str, list[str]]:
    """What a reader has to know, with the sides that it is about."""
    found: dict[str, list[str]] = {}
    for name, side in sides.items():
        if side.caveat:
            found.setdefault(side.caveat, []).append(name)
    return found


def _require_free(output: Path, overwrite: bool) -> None:
    if os.path.isdir(output):
        raise UserError(f"{output} is a folder. Name the file to write.")
    if overwrite or not os.path.exists(output):
        return
    with writing(output), open(output, "rb") as page:
        head = page.read(HEAD_BYTES)
    if MARK.encode() not in head:
        raise UserError(f"{output} exists and is no comparison. Use --overwrite to replace it, or another --output.")
