"""Programs of Debian that some tests need: installed where that is possible, otherwise the test is skipped."""

import os
import shutil
import subprocess
from collections.abc import Sequence

import pytest


def program(name: str) -> str | None:
    """Where a program lies, those of administrators included."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def require_programs(programs: Sequence[str], packages: Sequence[str]) -> None:
    """Installs Debian packages where programs are missing, or skips the test and says why."""
    if all(program(name) for name in programs):
        return
    what = " and ".join(packages)
    if shutil.which("apt-get") is None:
        pytest.skip(f"{what}: not installed, and there is no apt-get to do it")
    if os.getuid() != 0:
        pytest.skip(f"{what}: not installed, and apt-get needs root")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"{what}: not installed, and apt-get cannot do it: {done.stderr.strip()[-300:]}")
