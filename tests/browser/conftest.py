"""A report of a made-up reproduction, opened from the disk in Chromium."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.made_up import MadeUp
from exfuse.reporting.figures import write_figure
from exfuse.reporting.gallery.making import write_gallery
from exfuse.reporting.report import write_report
from exfuse.spec.graph import Graph
from exfuse.spec.load import load
from exfuse.spec.spec import Spec
from tests.packages import program, require_programs

SEEDS = 3
WIDE, PHONE = (1440, 900), (390, 844)
A4 = (720, 1040)
"""What margins leave of a sheet, pixels."""

Open = Callable[..., Page]


def drawn(spec: Spec) -> Graph:
    """A made-up reproduction with its pictures and its page."""
    made_up = MadeUp(spec)
    graph = made_up.write()
    for name, job in graph.jobs.items():
        if name.startswith("figures/"):
            write_figure(graph, name.removeprefix("figures/"))
            made_up.finish(job)
    write_gallery(graph)
    made_up.finish(graph.jobs["gallery"])
    write_report(graph)
    return graph


@pytest.fixture(scope="session")
def seeded_mini(repo_root: Path) -> Spec:
    """Preset `mini` with three seeds."""
    spec = load(repo_root, "mini")
    return dataclasses.replace(spec, preset=spec.preset.model_copy(update={"seeds": SEEDS}))


@pytest.fixture(scope="session")
def reproduction(seeded_mini: Spec, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A made-up reproduction of three seeds with its page."""
    return drawn(dataclasses.replace(seeded_mini, root=tmp_path_factory.mktemp("reproduction")))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; installed where that is possible."""
    require_programs(["chromium"], ["chromium"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Open]:
    """Opens a page of the disk, at an address and on a slower processor if asked for; afterwards it must have loaded
    nothing and complained of nothing.
    """
    problems: list[str] = []
    contexts = []

    def open_page(
        file: Path, size: tuple[int, int] = WIDE, *, address: str = "", slower: float = 1, **options: object
    ) -> Page:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note_request(problems, request.url, file))
        if slower != 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.goto(f"{file.as_uri()}{address}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def _note_request(problems: list[str], url: str, file: Path) -> None:
    if url.split("#")[0] != file.as_uri() and not url.startswith(("data:", "blob:")):
        problems.append(f"request: {url}")
