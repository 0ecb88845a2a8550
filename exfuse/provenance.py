"""Where and when a result was made: everything volatile, in a file that nobody depends on."""

import os
import platform
import shlex
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import exfuse
from exfuse.files import write_json

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow", "scipy", "snakemake", "safetensors")


STARTED = time.monotonic()
"""When the program began: the command line imports this module before any library that takes seconds to load."""
_marks: dict[str, dict[str, float]] = {}
"""Moments that provenance tells beside the end, as :func:`seconds` had them then."""


def seconds() -> dict[str, float]:
    """What has passed since the program began, of the clock and of the processor, rounded to hundredths."""
    times = os.times()
    return {"wall": round(time.monotonic() - STARTED, 2), "cpu": round(times.user + times.system, 2)}


def ready(title: str) -> None:
    """Called when a training is about to begin its first step: until then it took what each job costs."""
    _marks["ready"] = seconds()
    print(f"{title}: ready after {{wall}} s, {{cpu}} s of the processor".format(**_marks["ready"]), file=sys.stderr)


def code_version() -> str:
    """The commit of the running code, with ``+changes`` where tracked files differ; otherwise the package's version."""
    folder = Path(exfuse.__file__).parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return exfuse.__version__
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that may change numbers, of those that are installed."""
    libraries = {}
    for name in LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            continue
    return libraries


def write(target: Path, *, device: str = "cpu", **extra: Any) -> None:
    """Writes ``provenance.json``: code and library versions, machine, command, time."""
    write_json(
        target,
        {
            "code": code_version(),
            "python": platform.python_version(),
            "libraries": library_versions(),
            "host": platform.node(),
            "machine": platform.machine(),
            "system": f"{platform.system()} {platform.release()}",
            "device": device,
            "command": shlex.join(["exfuse", *sys.argv[1:]]),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "seconds": {**seconds(), **_marks},
            **extra,
        },
    )
