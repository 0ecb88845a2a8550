"""Time and peak memory of preparing archives with the publishers' real numbers of members, at half and at full count.

    python -m benchmarks.preparation                      # every publisher
    python -m benchmarks.preparation coco --workers 2     # one of them

The members are tiny, so the numbers show what each *member* costs: reading an archive's directory, annotations, the
index, two files an image. What a photograph of real size costs besides is its copy and, in SBD and COCO, its mask.
Every preparation has a process of its own. Memory is the resident peak of the largest process, workers included.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import full_counts
from exfuse.data.labels import VOC_CLASSES

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.02
MEBIBYTE = 1 << 20
IDENTITY = "benchmark"
"""Any, so that what a killed preparation finished is kept."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a preparation took.

    Attributes:
        images: that were prepared; of COCO those retained.
        seconds: of the preparation, without the start of Python.
        peak: resident bytes of the largest process.
    """

    images: int
    seconds: float
    peak: int


def _voc(folder: Path, scale: float) -> dict[str, Path]:
    return full_counts.write_voc(folder, _part(full_counts.VOC_TRAIN, scale), _part(full_counts.VOC_VAL, scale))


def _sbd(folder: Path, scale: float) -> dict[str, Path]:
    counts = (full_counts.SBD_TRAIN, full_counts.SBD_VAL, full_counts.SBD_IN_VOC_TRAIN, full_counts.SBD_IN_VOC_VAL)
    return full_counts.write_sbd(folder, *(_part(count, scale) for count in counts))


def _coco(folder: Path, scale: float) -> dict[str, Path]:
    return full_counts.write_coco(folder, _part(full_counts.COCO_TRAIN, scale), _part(full_counts.COCO_VAL, scale))


def _imagenet(folder: Path, scale: float) -> dict[str, Path]:
    return full_counts.write_imagenet(
        folder,
        per_class=_part(full_counts.IMAGENET_PER_CLASS, scale),
        val=_part(full_counts.IMAGENET_VAL, scale),
    )


def _part(count: int, scale: float) -> int:
    return max(1, round(count * scale))


WRITERS: Mapping[str, Callable[[Path, float], dict[str, Path]]] = {
    "voc": _voc,
    "sbd": _sbd,
    "coco": _coco,
    "imagenet": _imagenet,
}


CHILD = """
import json, sys, time
from pathlib import Path
from exfuse.data.preparation import prepare
if __name__ == "__main__":
    publisher, archives, target, options = json.loads(sys.argv[1])
    start = time.perf_counter()
    counts = prepare(publisher, {name: Path(path) for name, path in archives.items()}, Path(target), **options)
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([counts, time.perf_counter() - start, peak * 1024]))
"""


def request(
    publisher: str,
    archives: Mapping[str, Path],
    target: Path,
    workers: int = 1,
    classes: Sequence[str] = VOC_CLASSES[1:],
) -> str:
    """The argument with which ``CHILD`` prepares a publisher's archives as `exfuse data prepare` does.

    Args:
        publisher: one of ``WRITERS``.
        archives: path by official name.
        target: the publisher's prepared folder.
        workers: processes that convert masks.
        classes: for whose images COCO is searched.
    """
    paths = {name: str(path) for name, path in archives.items()}
    options = {"class_names": list(classes), "workers": workers, "identity": IDENTITY}
    return json.dumps([publisher, paths, str(target), options])


def measure(
    publisher: str,
    archives: Mapping[str, Path],
    target: Path,
    workers: int = 1,
    classes: Sequence[str] = VOC_CLASSES[1:],
) -> Cost:
    """Prepares in a fresh process and watches it and its workers; arguments are those of :func:`request`.

    Raises:
        RuntimeError: the preparation failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, request(publisher, archives, target, workers, classes)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peaks = [0]
    watcher = threading.Thread(target=_watch, args=(process, peaks))
    watcher.start()
    printed, complaints = process.communicate()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{publisher}: {complaints[-2000:]}")
    counts, seconds, peak = json.loads(printed.splitlines()[-1])
    images = counts.get("retained", sum(counts.get(split, 0) for split in ("train", "val")))
    return Cost(images, seconds, max(peak, *peaks))


def _watch(process: subprocess.Popen[str], peaks: list[int]) -> None:
    """Notes the peak of each descendant, as the kernel keeps it, for as long as the process runs."""
    while process.poll() is None:
        peaks[0] = max(peaks[0], *map(_peak, descendants(process.pid)), 0)
        time.sleep(POLL_SECONDS)


def descendants(process: int) -> list[int]:
    """A process, its children, theirs, and so on."""
    found = [process]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _peak(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("publishers", nargs="*", default=[], help=f"of {', '.join(WRITERS)}; none: all of them")
    parser.add_argument("--workers", type=int, default=1, help="processes that convert masks (1)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the full counts (1)")
    parser.add_argument("--keep", type=Path, help="a folder for archives and prepared data, which then stay")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.publishers) - set(WRITERS))
    if unknown:
        parser.error(f"unknown publisher {unknown[0]}")
    return arguments


def main() -> None:
    """Prints a line a publisher and count, and the ratios of full to half."""
    arguments = _arguments()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}, {arguments.workers} workers"
    )
    print(
        f"{'publisher':10} {'images':>8} {'seconds':>8} {'images/s':>9} {'peak MiB':>9} {'× time':>7} {'× memory':>8}"
    )
    for publisher in arguments.publishers or WRITERS:
        half, full = (_cost(publisher, share * arguments.scale, arguments) for share in (0.5, 1.0))
        print(_line(publisher, half), flush=True)
        ratios = f" {full.seconds / half.seconds:7.2f} {full.peak / half.peak:8.2f}"
        print(_line(publisher, full) + ratios, flush=True)


def _cost(publisher: str, scale: float, arguments: argparse.Namespace) -> Cost:
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    with nullcontext(arguments.keep) if arguments.keep else tempfile.TemporaryDirectory() as above:
        folder = Path(above) / f"{publisher}-{scale:g}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return measure(publisher, WRITERS[publisher](folder, scale), folder / "prepared" / publisher, arguments.workers)


def _line(publisher: str, cost: Cost) -> str:
    rate = cost.images / cost.seconds
    return f"{publisher:10} {cost.images:8} {cost.seconds:8.1f} {rate:9.0f} {cost.peak / MEBIBYTE:9.0f}"


if __name__ == "__main__":
    main()
