"""How all figures look, how they say what is missing, and how they become the same bytes each time."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exfuse.files import atomic_path

INK = "#1c2430"
MUTED = "#6b7583"
FAINT = "#e3e6ea"
BASELINE = "#9aa3af"
"""GCN."""
ACCENT = "#1d5b9e"
"""ExFuse, and what was measured here."""
SECOND = "#c2571a"

DOTS_PER_INCH = 144
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": BASELINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": DOTS_PER_INCH,
    "savefig.dpi": DOTS_PER_INCH,
    "svg.hashsalt": "exfuse",
    "svg.fonttype": "path",
}
TIMELESS = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's settings for the time of a drawing."""
    with mpl.rc_context(rc=STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that needs no display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, target: Path) -> None:
    """Writes a figure in the format of the suffix, without dates.

    Raises:
        UserError: the folder cannot be written.
    """
    with atomic_path(target) as temporary:
        figure.savefig(temporary, metadata=TIMELESS[target.suffix])


def say(axes: Axes, text: str, width: int = 24) -> None:
    """Puts a sentence in a picture's place."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#f6f7f8")
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_color(FAINT)
    axes.text(
        0.5, 0.5, "\n".join(textwrap.wrap(text, width)), transform=axes.transAxes,
        ha="center", va="center", color=MUTED, fontsize=7,
    )  # fmt: skip
