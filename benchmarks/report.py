"""Seconds and peak memory of the commands that turn results into tables, figures and the page, a process each.

The results are made up (benchmarks/made_up.py): at the paper's size every run has its seeds and every evaluation its
1449 images, counted from predictions on small pictures, so that all files but the pictures have their real size.
"""

import argparse
import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.made_up import MadeUp
from exfuse.spec.graph import Graph
from exfuse.spec.load import load

REPOSITORY = Path(__file__).parents[1]
VOC_VAL = 1449


def reproduction(root: Path, preset: str, images: int, seeds: int) -> Graph:
    """A made-up reproduction below a folder that has its own ``params/``, with the preset's number of seeds."""
    for name in ("params", "workflow"):
        shutil.copytree(REPOSITORY / name, root / name)
    for name in ("Snakefile", "CITATION.cff"):
        shutil.copy(REPOSITORY / name, root / name)
    file = root / "params" / "presets" / f"{preset}.yaml"
    text = re.sub(r"^seeds:.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(f"{text}\nseeds: {seeds}\n", encoding="utf-8")
    made_up = MadeUp(dataclasses.replace(load(root, preset), root=root), images)
    graph = made_up.write()
    for name, job in graph.jobs.items():
        if name.startswith("models/") or name.endswith("/test") or _of_networks(graph, name):
            made_up.finish(job)  # without its picture or predictions: no network is there
    return graph


def measure(root: Path, preset: str, *words: str) -> tuple[float, float]:
    """Seconds and peak MiB of a command of `exfuse`."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "exfuse.cli", "--preset", preset, *words]
    process = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(words)}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


FIRST_TABLE = """
const look = () => {
  const table = document.querySelector("#table1 table");
  if (table?.getBoundingClientRect().height) requestAnimationFrame(() => { window.firstTable = performance.now(); });
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def first_table(page: Path, rounds: int = 5) -> list[float]:
    """Seconds from the beginning of navigation until the first table is on the screen, in a fresh Chromium each."""
    seconds = []
    with sync_playwright() as playwright:
        for _ in range(rounds):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page()
            tab.add_init_script(FIRST_TABLE)
            tab.goto(page.as_uri())
            tab.wait_for_function("window.firstTable")
            seconds.append(tab.evaluate("window.firstTable") / 1000)
            browser.close()
    return seconds


def commands(graph: Graph) -> list[tuple[str, ...]]:
    """What is measured, in the order in which the graph would run it; figures of the networks need a network."""
    drawn = [name for name in graph.jobs if name.startswith(("tables/", "figures/")) and not _of_networks(graph, name)]
    pairs = [(kind.removesuffix("s"), name) for kind, name in (job.split("/") for job in drawn)]
    return [*pairs, *((name,) for name in ("claims", "gallery", "report", "crate") if name in graph.jobs)]


def main() -> None:
    """Measures each command once, and says how large the page is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--images", type=int, default=VOC_VAL)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        graph = reproduction(Path(folder), options.preset, options.images, options.seeds)
        runs = sum(graph.spec.why_no_run(run) is None for run in graph.spec.runs)
        size = f"{options.images} images, {runs} runs, {options.seeds} seeds, {len(graph.jobs)} jobs"
        print(f"preset {options.preset}: {size}; made up in {time.perf_counter() - start:.0f} s", flush=True)
        for words in commands(graph):
            seconds, peak = measure(graph.spec.root, options.preset, *words)
            print(f"exfuse {' '.join(words)}: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        print(f"page: {graph.layout.report.stat().st_size / 1e6:.1f} MB")
        shown = first_table(graph.layout.report)
        print(f"first table after {statistics.median(shown):.2f} s ({min(shown):.2f} to {max(shown):.2f})")


def _of_networks(graph: Graph, name: str) -> bool:
    return any(job.startswith("models/") for job in graph.jobs[name].upstream)


if __name__ == "__main__":
    main()
