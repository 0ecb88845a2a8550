"""What the figures of the networks read, and what stands in their place when it is not there."""

from collections.abc import Callable, Iterable

from matplotlib.figure import Figure
from pydantic import ValidationError

from exfuse.reporting.drawing import new_figure, say
from exfuse.reporting.evaluations import UNREADABLE, read_or_why, shown_path
from exfuse.spec.architecture import Architecture, Operation
from exfuse.spec.graph import EXFUSE, Graph

JOB = "models/architecture"
PLACEHOLDER = (7.4, 1.6)
"""Width and height of a sentence in a figure's place, inches."""


def read_architecture(graph: Graph) -> Architecture | str:
    """What was traced from the present networks, or why there is nothing."""
    source = graph.layout.architecture
    name = shown_path(graph, source)
    content = read_or_why(graph, source, graph.jobs[JOB])
    if isinstance(content, str):
        return content
    try:
        return Architecture.model_validate(content)
    except ValidationError:
        return f"{UNREADABLE}: {name}"


def draw_traced(graph: Graph, draw: Callable[[Graph, Architecture], Figure | str]) -> Figure:
    """A figure of the traced networks, or a sentence that says why there is none."""
    found = read_architecture(graph)
    figure = found if isinstance(found, str) else draw(graph, found)
    if not isinstance(figure, str):
        return figure
    placeholder = new_figure(*PLACEHOLDER)
    say(placeholder.subplots(), figure, 80)
    return placeholder


def in_words(graph: Graph, describe: Callable[[Graph, Architecture], str]) -> str:
    """A figure of the traced networks in words, or why there is none."""
    found = read_architecture(graph)
    return found if isinstance(found, str) else describe(graph, found)


def title(graph: Graph) -> str:
    """The network that Figures 2–6 show."""
    return graph.spec.runs[EXFUSE].title


def listed(words: Iterable[str]) -> str:
    """Words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def size_of(operation: Operation) -> str:
    """The shape of what an operation gives, as the paper prints it."""
    return "×".join(map(str, operation.shape))
