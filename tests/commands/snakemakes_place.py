"""A working copy for `exfuse dvc make` with a program in Snakemake's place, and real processes to watch."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfuse.spec.graph import Graph
from exfuse.spec.manifest import provenance_file
from tests.params import Params
from tests.program import hear_ctrl_c

SNAKEMAKE = '''
"""In Snakemake's place: says what it is asked for, and does as it is told."""
import json, os, sys, time
from pathlib import Path

Path("asked.json").write_text(json.dumps(sys.argv[1:]))
what = os.environ.get("FAKE", "makes")
if what == "sleeps":
    try:
        Path("pid.part").write_text(str(os.getpid()))
        os.replace("pid.part", "pid")
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.7)  # its jobs end
        Path("heard").write_text("SIGINT")
        sys.exit(130)
if what == "fails":
    print("RuleException", file=sys.stderr)
    sys.exit(1)
if what in ("makes", "makes too late"):
    from tests.params import Params
    graph = Params(Path()).graph(sys.argv[sys.argv.index("--config") + 1].removeprefix("preset="))
    targets = set(sys.argv[sys.argv.index("--") + 1:])
    jobs = [job for job in graph.jobs.values() if str(job.manifest) in targets]
    Params(Path()).finish(graph, *(job.name for job in jobs))
    for job in jobs:
        job.manifest.with_name(job.manifest.name.replace("manifest.json", "provenance.json")).touch()
    if what == "makes too late":
        Params(Path()).put("tables.yaml", "table5.caption", "Another.")
'''
CALLER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "exfuse.cli", "--preset", "smoke", "dvc", "make", "table5"]).wait()
"""


@dataclass(frozen=True)
class Folder(Params):
    """``params/`` and `dvc.yaml` as in the repository, and a program in Snakemake's place."""

    programs: Path
    code: Path

    def environment(self, fake: str) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": f"{self.programs}:{self.code}", "FAKE": fake}

    def make(
        self, stage: str, fake: str = "makes", options: str = "--preset smoke"
    ) -> subprocess.CompletedProcess[str]:
        """`exfuse dvc make`, as a stage calls it."""
        return subprocess.run(
            [sys.executable, "-m", "exfuse.cli", *options.split(), "dvc", "make", stage],
            cwd=self.root, env=self.environment(fake), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def asked(self) -> list[str]:
        """What Snakemake was asked for."""
        asked: list[str] = json.loads((self.root / "asked.json").read_text())
        return asked

    def make_by_hand(self, graph: Graph, *names: str) -> None:
        """All files of jobs, as params/ asks for."""
        self.finish(graph, *names)
        for name in names or graph.jobs:
            provenance_file(graph.jobs[name].manifest).touch()

    def number(self) -> int:
        """Of the process in Snakemake's place, once it is at work."""
        wait_for((self.root / "pid").exists)
        return int((self.root / "pid").read_text())


class Stage(subprocess.Popen[bytes]):
    """Leaves nothing running behind, whatever a test comes to."""

    def __exit__(self, *error: Any) -> None:
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(*error)


def making(folder: Folder) -> Stage:
    """`exfuse dvc make` in a group of its own, with a Snakemake that sleeps."""
    return Stage(
        [sys.executable, "-m", "exfuse.cli", "--preset", "smoke", "dvc", "make", "table5"],
        cwd=folder.root, env=folder.environment("sleeps"), stderr=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=hear_ctrl_c,
    )  # fmt: skip


def is_gone(number: int) -> bool:
    """Or waits for a parent that will not come."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
