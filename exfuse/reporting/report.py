"""The report: one self-contained page that holds what came out against what was printed."""

import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import exfuse
from exfuse.files import encodable, write_text
from exfuse.reporting import bill, costs, data, embedded, energy, forest, ledger, lineage, models, page, strays, usage
from exfuse.reporting.charts.script import bundle
from exfuse.reporting.charts.theme import LIVE, theme
from exfuse.reporting.claims import claim_results
from exfuse.reporting.gallery.section import gallery_section
from exfuse.reporting.statistics.verdict import VERDICTS, rule_in_words
from exfuse.reporting.statistics.words import bracketed, of_paper
from exfuse.spec.graph import Graph

FORMS = {"tex": "LaTeX", "csv": "CSV", "md": "Markdown"}
"""What a table can be copied as, by the suffix of its file."""
TEMPLATES = Path(__file__).parent / "templates"
STYLES = ("base", "page", "tables", "claims", "figures", "gallery", "details", "phone", "print")
"""In the order in which later rules win."""
GALLERY = ("content", "masks", "panels", "disagreement", "words", "boxes", "viewer")
SCRIPTS = (
    ("sorting",),
    ("copying",),
    ("commands",),
    ("contents",),
    tuple(f"gallery/{part}" for part in GALLERY),
    ("address",),
)
"""In the order in which they run; those of a group share their names, and no others do."""


def write_report(graph: Graph) -> None:
    """Writes ``report/index.html``.

    Raises:
        UserError: the folder cannot be written.
    """
    html = environment().get_template("report.html.jinja").render(context(graph))
    write_text(graph.layout.report, encodable(html))


@cache
def environment() -> Environment:
    """How the package's templates are rendered: escaped, nothing undefined, with the words' filters below."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(anchor=anchor, bracketed=bracketed, points=points, printed=printed, percent=percent)
    made.filters.update(duration=duration, size=size, sentence=sentence, amount=costs.amount, watt_hours=energy.words)
    return made


def context(graph: Graph) -> dict[str, Any]:
    """All that the template reads."""
    charts = embedded.page_charts(graph)
    drawn = any(chart.drawing for chart in charts)
    tables = page.page_tables(graph)
    claims = claim_results(graph)
    records = lineage.all_records(graph)
    usual = models.Usual(graph, records)
    watts = graph.spec.devices
    counted = costs.network_costs(graph)
    preset = graph.spec.preset
    return {
        "preset": preset,
        "caveat": graph.spec.caveat,
        "lead_caveat": graph.spec.caveat.partition(". ")[0].rstrip("."),
        "val_name": graph.spec.val_name,
        "all_classes": graph.spec.classes,
        "version": exfuse.__version__,
        "summary": page.summary(graph, tables, claims),
        "tables": tables,
        "texts": {table.name: table.texts for table in tables},
        "forms": FORMS,
        "claims": forest.with_forests(claims),
        "scales": forest.scales(claims),
        "statistics": graph.spec.statistics,
        "rule": rule_in_words(graph.spec.statistics),
        "verdicts": VERDICTS,
        "figures": embedded.page_figures(graph),
        "charts": charts,
        "chart_theme": theme(LIVE) if drawn else None,
        "chart_script": bundle(assets("scripts", ("charts",), "js")) if drawn else "",
        "gallery": gallery_section(graph),
        "backbones": models.trained_backbones(graph, usual),
        "runs": models.trained_runs(graph, usual),
        "parts": graph.spec.fidelity.parts,
        "costs": counted,
        "no_costs": "" if counted else costs.why_no_costs(graph),
        "hyperparameters": {one.path: one for one in ledger.hyperparameters(graph.spec)},
        "archives": data.archive_files(graph),
        "folder": graph.spec.folder,
        "sets": data.image_sets(graph),
        "published": data.published_sets(graph),
        "facts": lineage.shared_facts(records),
        "unfinished": lineage.unfinished(graph, records),
        "seconds": sum(one.seconds or 0.0 for one in records if one.state == lineage.FRESH),
        "interrupted": sum(one.interrupted for one in records if one.state == lineage.FRESH),
        "jobs": len(records),
        "bill": bill.bill(graph),
        "usages": usage.usages(graph, records, counted, watts),
        "energy": energy.total(records, watts),
        "energy_of": partial(energy.energy, devices=watts),
        "usual": usual.kinds,
        "environments": lineage.environments(records),
        "sources_of": partial(lineage.sources, graph),
        "log_end": partial(lineage.log_end, graph),
        "log_file": partial(lineage.log_file, graph),
        "prepared": data.prepared(graph),
        "strays": strays.strays(graph),
        "style": assets("styles", STYLES, "css"),
        "scripts": [assets("scripts", names, "js") for names in SCRIPTS],
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
    return "–" if value is None else of_paper(value)


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


def assets(folder: str, names: Sequence[str], suffix: str) -> Markup:
    """Styles or scripts of the package, to stand in the page as they are."""
    files = (TEMPLATES / folder / f"{name}.{suffix}" for name in names)
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in files))
