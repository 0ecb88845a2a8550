"""Seconds and peak memory of `exfuse predict`, from the start of the interpreter to the file, a process each."""

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from benchmarks.photographs import generated

SIZES = ((500, 375), (6000, 4000))
"""Width and height of VOC's photographs, and of a camera's."""


def measure(weights: Path, size: tuple[int, int], rounds: int, flip: bool) -> None:
    """Prints medians over some calls on one photograph."""
    walls, processors, peaks = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        with Image.open(io.BytesIO(generated(1)[0])) as image:
            image.resize(size).save(photo)
        words = ["predict", str(weights), str(photo), "-o", folder, "--overwrite", *(["--flip"] if flip else [])]
        for _ in range(rounds):
            start = time.perf_counter()
            process = subprocess.Popen([sys.executable, "-m", "exfuse.cli", *words], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            if status:
                raise SystemExit(1)
            walls.append(time.perf_counter() - start)
            processors.append(used.ru_utime + used.ru_stime)
            peaks.append(used.ru_maxrss / 1024)
    wall, processor = statistics.median(walls), statistics.median(processors)
    print(f"{size[0]}×{size[1]}{' --flip' if flip else ''}: {wall:.1f} s, {processor:.1f} CPU s, {max(peaks):.0f} MiB")


def main() -> None:
    """Measures small and large photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--small", action="store_true", help="leave the large photograph out")
    options = parser.parse_args()
    measure(options.weights, SIZES[0], options.rounds, options.flip)
    if not options.small:
        measure(options.weights, SIZES[1], 1, options.flip)


if __name__ == "__main__":
    main()
