"""Boxes and arrows, in inches: solid and grey for the baseline, dashed and blue for what ExFuse proposes."""

from dataclasses import dataclass
from enum import Enum

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from exfuse.reporting.drawing import ACCENT, BASELINE, INK, MUTED, new_figure

PLAIN_FILL, PROPOSED_FILL = "#f1f2f4", "#e6eff9"
BAND = "#f8f8f9"
FONT_SIZE, LINE_HEIGHT = 7.0, 0.145
"""Points; inches from line to line."""
LINE = 0.8
DASHES = (0, (3.2, 1.6))
HEAD_LENGTH, HEAD_HALF_WIDTH = 0.075, 0.032
RADIUS = 0.085
"""Of a sum or a product, inches."""

Point = tuple[float, float]


class Look(Enum):
    """How a box looks."""

    BASELINE = "solid, grey"
    PROPOSED = "dashed, blue"
    INNER = "solid, blue: within a frame of what is proposed"
    BARE = "words alone"


@dataclass(frozen=True)
class Box:
    """A drawn box by its centre and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y - self.height / 2

    @property
    def top(self) -> float:
        return self.y + self.height / 2


class Diagram:
    """A figure without axes, on which things are placed in inches.

    Args:
        width: of the figure.
        height: of the figure.
        origin: height above the lower edge that counts as zero.
    """

    def __init__(self, width: float, height: float, origin: float = 0.0) -> None:
        self.figure: Figure = new_figure(width, height)
        self.figure.set_layout_engine("none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set(xlim=(0, width), ylim=(-origin, height - origin))

    def box(self, place: Box, title: str, *details: str, look: Look = Look.BASELINE) -> Box:
        """A block: its name, and below it what it is and gives."""
        if look is not Look.BARE:
            dashed = look is Look.PROPOSED
            self.axes.add_patch(
                FancyBboxPatch(
                    (place.left, place.bottom), place.width, place.height, boxstyle="round,pad=0,rounding_size=0.045",
                    facecolor=PLAIN_FILL if look is Look.BASELINE else PROPOSED_FILL,
                    edgecolor=INK if look is Look.BASELINE else ACCENT,
                    linestyle=DASHES if dashed else "solid", linewidth=1.0 if dashed else LINE, zorder=3,
                )
            )  # fmt: skip
        top = place.y + LINE_HEIGHT * len(details) / 2
        for number, words in enumerate(filter(None, (title, *details))):
            self.text(place.x, top - LINE_HEIGHT * number, words, weight="normal" if number else "bold")
        return place

    def arrow(self, *points: Point, colour: str = INK) -> None:
        """A line along the points, with a head at the last one."""
        (x0, y0), (x1, y1) = points[-2:]
        length = max(abs(x1 - x0), abs(y1 - y0))
        along = ((x1 - x0) / length, (y1 - y0) / length)
        neck = (x1 - along[0] * HEAD_LENGTH, y1 - along[1] * HEAD_LENGTH)
        across = (-along[1] * HEAD_HALF_WIDTH, along[0] * HEAD_HALF_WIDTH)
        self.line(*points[:-1], neck, colour=colour)
        corners = [(x1, y1), (neck[0] + across[0], neck[1] + across[1]), (neck[0] - across[0], neck[1] - across[1])]
        self.axes.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor="none", zorder=4))

    def line(self, *points: Point, colour: str = INK) -> None:
        """A line along the points."""
        xs, ys = zip(*points, strict=True)
        self.axes.add_line(Line2D(xs, ys, color=colour, linewidth=LINE, solid_joinstyle="round", zorder=2))

    def dot(self, x: float, y: float, colour: str = INK) -> None:
        """Where a line branches."""
        self.axes.add_patch(Circle((x, y), 0.022, facecolor=colour, edgecolor="none", zorder=4))

    def operator(self, x: float, y: float, sign: str, *, proposed: bool = False) -> Box:
        """A sum (``+``) or a product by element (``×``) of maps."""
        colour = ACCENT if proposed else INK
        self.axes.add_patch(Circle((x, y), RADIUS, facecolor="white", edgecolor=colour, linewidth=LINE, zorder=3))
        reach = RADIUS * (0.6 if sign == "+" else 0.45)
        first = ((x - reach, x + reach), (y, y)) if sign == "+" else ((x - reach, x + reach), (y - reach, y + reach))
        second = ((x, x), (y - reach, y + reach)) if sign == "+" else ((x - reach, x + reach), (y + reach, y - reach))
        for xs, ys in (first, second):
            self.axes.add_line(Line2D(xs, ys, color=colour, linewidth=LINE, zorder=4))
        return Box(x, y, 2 * RADIUS, 2 * RADIUS)

    def band(self, bottom: float, top: float) -> None:
        """A faint stripe across the figure."""
        width = self.axes.get_xlim()[1]
        self.axes.add_patch(Rectangle((0, bottom), width, top - bottom, facecolor=BAND, edgecolor="none", zorder=0))

    def frame(self, place: Box, title: str) -> None:
        """A dashed frame around a part that ExFuse proposes, with its name above the left corner."""
        self.axes.add_patch(
            FancyBboxPatch(
                (place.left, place.bottom), place.width, place.height, boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="none", edgecolor=ACCENT, linestyle=DASHES, linewidth=1.0, zorder=1,
            )
        )  # fmt: skip
        self.text(place.left, place.top + 0.09, title, weight="bold", align="left", colour=ACCENT)

    def cell(self, left: float, bottom: float, side: float, colour: str) -> None:
        """A pixel."""
        self.axes.add_patch(
            Rectangle((left, bottom), side, side, facecolor=colour, edgecolor=BASELINE, linewidth=0.5, zorder=3)
        )

    def outline(self, left: float, bottom: float, side: float) -> None:
        """A pixel that is meant."""
        self.axes.add_patch(
            Rectangle((left, bottom), side, side, facecolor="none", edgecolor=INK, linewidth=1.4, zorder=4)
        )

    def text(
        self, x: float, y: float, words: str, *, weight: str = "normal", align: str = "center", colour: str = INK
    ) -> None:  # fmt: skip
        """Words, centred on a height."""
        self.axes.text(
            x, y, words, fontsize=FONT_SIZE, fontweight=weight, ha=align, va="center", color=colour, zorder=5
        )  # fmt: skip

    def note(self, x: float, y: float, words: str, align: str = "left") -> None:
        """Words beside the drawing."""
        self.text(x, y, words, align=align, colour=MUTED)
