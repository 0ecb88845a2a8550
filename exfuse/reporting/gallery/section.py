"""The gallery as the page shows it: the chosen images by rule, each with its place, or what is in the way."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from exfuse.reporting.evaluations import altered, shown_path
from exfuse.reporting.gallery.choice import EACH, RULES
from exfuse.reporting.gallery.content import Gallery, Picture
from exfuse.spec.freshness import has_expected_key
from exfuse.spec.graph import Graph, stands_in


@dataclass(frozen=True)
class Shown:
    """One image on the page.

    Attributes:
        place: the id of its place.
        picture: what there is of it.
        why: the rule that took it, its rank and the number, in words.
        holds: the classes of its ground truth, in words.
    """

    place: str
    picture: Picture
    why: str
    holds: str


@dataclass(frozen=True)
class Section:
    """What the page shows.

    Attributes:
        content: none where there is no file that could be shown.
        groups: images by rule, under the rule's name.
        each: images that a rule takes.
        titles: of GCN's and of ExFuse's run.
        stands_in: whether these are other runs than the paper's.
        problems: what a reader has to know.
    """

    content: Gallery | None
    groups: tuple[tuple[str, tuple[Shown, ...]], ...]
    each: int
    titles: tuple[str, str]
    stands_in: bool
    problems: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads; photographs stand in the page already."""
        if self.content is None:
            return {"palette": [], "pictures": []}
        shown = [one for _, group in self.groups for one in group]
        return {
            "palette": [one.model_dump(mode="json") for one in self.content.palette],
            "pictures": [
                {**one.picture.model_dump(mode="json", exclude={"photograph"}), "place": one.place, "why": one.why}
                for one in shown
            ],
        }


def gallery_section(graph: Graph) -> Section:
    """Reads ``gallery.json``; a file that is missing, cut or of another format is told in its place."""
    content, problems = _read(graph)
    pictures = content.pictures if content is not None else ()
    titles = [graph.spec.runs[run].title if run in graph.spec.runs else run for run in _runs(content)]
    return Section(
        content=content,
        groups=_groups(pictures, content),
        each=EACH,
        titles=(titles[0], titles[1]),
        stands_in=stands_in(graph),
        problems=(*problems, *(content.problems if content is not None else ())),
    )


def _read(graph: Graph) -> tuple[Gallery | None, list[str]]:
    source = graph.layout.gallery
    name = shown_path(graph, source)
    try:
        content = Gallery.model_validate_json(source.read_bytes())
    except FileNotFoundError:
        return None, [f"missing: {name} is not there"]
    except (OSError, ValidationError):
        return None, [f"unreadable: {name} is cut or of another format; run its job again (`exfuse gallery`)"]
    if not has_expected_key(graph.job("gallery")):
        return content, ["stale: these images were not chosen from the present results"]
    if problem := altered(graph, graph.job("gallery"), source):
        return None, [problem]
    return content, []


def _runs(content: Gallery | None) -> tuple[str, str]:
    return ("", "") if content is None else (content.gcn, content.exfuse)


def _groups(pictures: Iterable[Picture], content: Gallery | None) -> tuple[tuple[str, tuple[Shown, ...]], ...]:
    names = {} if content is None else {one.label: one.name for one in content.palette}
    taken: set[str] = set()
    groups: dict[str, list[Shown]] = {name: [] for name in RULES}
    for picture in pictures:
        holds = [names.get(one.label, str(one.label)) for one in picture.classes if one.truth > 0 and one.label > 0]
        place = _place(picture.id, taken)
        groups[picture.rule].append(Shown(place, picture, _why(picture), ", ".join(holds)))
    return tuple((RULES[rule], tuple(groups[rule])) for rule in RULES)


def _place(name: str, taken: set[str]) -> str:
    """An id for the page of an image's id, whatever that holds; no two are the same."""
    stem = "gallery-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80]
    found, number = stem, 2
    while found in taken:
        found, number = f"{stem}-{number}", number + 1
    taken.add(found)
    return found


def _why(picture: Picture) -> str:
    rank = {1: "", 2: "2nd ", 3: "3rd "}.get(picture.rank, f"{picture.rank}th ")
    if picture.rule == "changed":
        points = "–" if picture.change is None else f"{100 * picture.change:+.1f}".replace("-", "−")
        return f"{rank}most changed: {points} points from GCN to ExFuse"
    score = "–" if picture.exfuse is None else f"{100 * picture.exfuse:.1f}%"
    return f"{rank}{picture.rule} of ExFuse: mean IoU {score}"
