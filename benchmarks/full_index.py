"""ImageNet's index at its full size: bytes, seconds to load, memory to build and to hold it, alone and in workers."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.rounds import spread
from exfuse.data import imagenet
from exfuse.data.imagenet import ImageIndex
from exfuse.data.loading import ImageNetSet
from exfuse.data.tars import TarMember
from exfuse.data.transforms import CentreCrop

IMAGES, CLASSES = 1_281_167, 1000
MEMBER_BYTES = 110_080
LOADS = 5
WORKERS = 8
READS = 2000
WAIT_SECONDS = 300
MEBIBYTE = 1 << 20

METHODS = ("fork", "forkserver")

T = TypeVar("T")


def synthetic_index(images: int = IMAGES, classes: int = CLASSES) -> ImageIndex:
    """An index of as many images, built class by class from lists of members, as the preparation builds it."""
    pieces, position = [], 0
    for label in range(classes):
        members = []
        for number in range(images // classes + (label < images % classes)):
            members.append(TarMember(f"n{label + 1_440_764:08}_{number:05}.JPEG", MEMBER_BYTES, position))
            position += MEMBER_BYTES
        pieces.append(ImageIndex.of(imagenet.TRAIN_ARCHIVE, members, [label] * len(members)))
    return ImageIndex.concatenate(pieces)


def build(target: Path, images: int = IMAGES, classes: int = CLASSES) -> int:
    """Builds and writes an index; how far this process's resident memory rose above its start, in bytes."""
    before = _peak()
    synthetic_index(images, classes).save(target)
    return _peak() - before


def hold(source: Path) -> tuple[int, float]:
    """Bytes by which this process's memory grows while it loads and holds an index, and the seconds of a load."""
    before, times = _peak(), []
    for _ in range(LOADS):
        start = time.perf_counter()
        index = ImageIndex.load(source)
        times.append(time.perf_counter() - start)
        del index  # before the next one is there
    return _peak() - before, statistics.median(times)


def _peak() -> int:
    # getrusage would give a spawned process the peak of its parent
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def in_fresh_process(function: Callable[..., T], *arguments: object) -> T:
    """A function's result from a process of its own, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure_index(root: Path) -> None:
    """Prints size, time and memory of the full index."""
    source = root / "train.npz"
    building = in_fresh_process(build, source)
    holding, seconds = in_fresh_process(hold, source)
    size = source.stat().st_size
    print(f"\nIndex of {IMAGES:,} images in {CLASSES} classes (members' names and offsets synthetic)")
    print(f"  file                      {size / 1e6:8.1f} MB")
    print(f"  load, median of {LOADS}         {seconds:8.3f} s")
    print(f"  memory to build, peak     {building / MEBIBYTE:8.1f} MiB above the process's start")
    print(f"  memory to hold, peak      {holding / MEBIBYTE:8.1f} MiB above the process's start")
    with open(root / imagenet.TRAIN_ARCHIVE, "wb") as archive:
        archive.truncate(IMAGES * MEMBER_BYTES)  # sparse: no bytes on the disk
    dataset = ImageNetSet(source, root, CentreCrop(256, 224))
    for method in METHODS:
        own, without = workers_memory(dataset, method), workers_memory(None, method)
        print(
            f"  {WORKERS} workers by {method:10}    {spread(own)} MiB of its own each, min / median / max; "
            f"{statistics.median(without):.0f} without the data set"
        )


def workers_memory(dataset: ImageNetSet | None, method: str) -> list[float]:
    """MiB that each of several processes has for itself after random reads, all of them alive."""
    context: Any = multiprocessing.get_context(method)
    results: multiprocessing.Queue[float] = context.Queue()
    barrier = context.Barrier(WORKERS)
    processes = [context.Process(target=_worker, args=(dataset, results, barrier)) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    memory = [results.get(timeout=WAIT_SECONDS) for _ in processes]
    for process in processes:
        process.join()
    return memory


def _worker(dataset: ImageNetSet | None, results: "multiprocessing.Queue[float]", barrier: Barrier) -> None:
    if dataset is not None:
        for index in np.random.default_rng(os.getpid()).integers(0, len(dataset), READS).tolist():
            dataset.read(index)
    barrier.wait(WAIT_SECONDS)  # what processes share counts as shared only while all of them are there
    memory = _private() / MEBIBYTE
    barrier.wait(WAIT_SECONDS)
    results.put(memory)


def _private() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
