"""The report: one self-contained page that holds what came out against what was printed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import exfuse
from exfuse.files import write_text
from exfuse.reporting import bill, costs, ledger, lineage, models, page
from exfuse.spec.graph import Graph

FORMS = {"tex": "LaTeX", "csv": "CSV", "md": "Markdown"}
"""What a table can be copied as, by the suffix of its file."""
TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("base", "page", "tables", "figures", "details", "phone", "print")
"""In the order in which later rules win."""
SCRIPTS = ("unfolding", "sorting", "copying", "contents")


def write_report(graph: Graph) -> None:
    """Writes ``report/index.html``.

    Raises:
        UserError: the folder cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(anchor=anchor, points=points, printed=printed, percent=percent)
    environment.filters.update(duration=duration, size=size, sentence=sentence, amount=costs.amount)
    html = environment.get_template("report.html.jinja").render(context(graph))
    write_text(graph.layout.report, html)


def context(graph: Graph) -> dict[str, Any]:
    """All that the template reads."""
    tables = page.page_tables(graph)
    claims = page.page_claims(graph)
    records = lineage.all_records(graph)
    preset = graph.spec.preset
    return {
        "preset": preset,
        "caveat": graph.spec.caveat,
        "lead_caveat": graph.spec.caveat.partition(". ")[0].rstrip("."),
        "val_name": graph.spec.val_name,
        "all_classes": graph.spec.classes,
        "version": exfuse.__version__,
        "summary": page.summary(graph, tables, [claim for claim, _, _ in claims]),
        "tables": tables,
        "texts": {table.name: table.texts for table in tables},
        "forms": FORMS,
        "claims": claims,
        "figures": page.page_figures(graph),
        "class_rows": page.class_rows(graph),
        "backbones": models.trained_backbones(graph),
        "runs": models.trained_runs(graph),
        "parts": graph.spec.fidelity.parts,
        "costs": costs.network_costs(graph),
        "hyperparameters": {one.path: one for one in ledger.hyperparameters(graph.spec)},
        "archives": lineage.archive_files(graph),
        "folder": graph.spec.folder,
        "sets": lineage.image_sets(graph),
        "published": lineage.published_sets(graph),
        "facts": lineage.shared_facts(records),
        "unfinished": lineage.unfinished(graph, records),
        "seconds": sum(one.seconds or 0.0 for one in records if one.state == lineage.FRESH),
        "jobs": len(records),
        "bill": bill.bill(graph),
        "style": _assets("styles", STYLES, "css"),
        "scripts": [_assets("scripts", (name,), "js") for name in SCRIPTS],
    }


def anchor(name: str, kind: str) -> str:
    """The id of a thing's place on the page."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}"


def sentence(words: str) -> str:
    """Words with a capital at the beginning and a full stop at the end; a symbol ("x_l") stays as it is."""
    first, _, rest = words.partition(" ")
    begun = f"{first.capitalize()} {rest}".rstrip() if first.isalpha() and first.islower() else words
    return begun if begun.endswith((".", "?", "!")) else f"{begun}."


def points(value: float | None) -> str:
    """A difference with its sign and a true minus; a dash where there is none."""
    if value is None:
        return "–"
    rounded = round(value, 2)
    return f"{rounded:+.2f}".replace("-", "−") if rounded else "0.00"


def printed(value: float | None) -> str:
    """A difference of the paper with the decimals that it prints; a dash where it prints none."""
    if value is None:
        return "–"
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{abs(value)}"


def percent(value: float | None) -> str:
    """A percentage with two decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def duration(seconds: float | None) -> str:
    """Seconds in words; a dash where they are not known."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def size(count: int | None) -> str:
    """Bytes in words; a dash where they are not known."""
    if count is None:
        return "–"
    if count < 1e3:
        return f"{count} B"
    unit, scale = ("kB", 1e3) if count < 1e6 else ("MB", 1e6) if count < 1e9 else ("GB", 1e9)
    return f"{count / scale:.1f} {unit}"


def _assets(folder: str, names: Sequence[str], suffix: str) -> Markup:
    """Styles or scripts of the package, to stand in the page as they are."""
    files = (TEMPLATES / folder / f"{name}.{suffix}" for name in names)
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in files))
