"""ImageNet read in place: random reads from one tar against loose files, and the index at its full size.

    python -m benchmarks.reading                                # generated files
    python -m benchmarks.reading --folder DISK --images 50000   # on another disk, more of them

Both sides read the same members in the same random order in the same run: ours as ``ImageNetSet`` does, the loose
files by ``open``, ``read``, ``close``. "Warm" reads from the page cache. "Cold" drops the files' pages before each
round; the loose files' directory entries and inodes stay cached unless ``--drop-caches`` (root only, and slow for
everything else on the machine) drops those too, as they would be among 1.28 million files.
"""

import argparse
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.full_index import measure_index
from benchmarks.rounds import alternate, print_rates
from exfuse.data.imagenet import ImageIndex
from exfuse.data.loading import ImageNetSet
from exfuse.data.tars import list_tar
from exfuse.data.transforms import CentreCrop

MEAN_BYTES, SMALLEST, LARGEST = 110_000, 4_000, 1_000_000
FILES_PER_FOLDER = 1300
READS = 1000
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def write_files(root: Path, count: int) -> list[Path]:
    """``count`` files of random bytes, 1300 a folder as ImageNet's classes, and a tar of them with its index."""
    generator = np.random.default_rng(0)
    sizes = generator.lognormal(np.log(MEAN_BYTES) - 0.18, 0.6, count).clip(SMALLEST, LARGEST).astype(int)
    files = []
    for number, size in enumerate(sizes):
        file = root / "loose" / f"n{number // FILES_PER_FOLDER:08}" / f"{number}.JPEG"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(generator.bytes(int(size)))
        files.append(file)
    with tarfile.open(root / "images.tar", "w") as tar:
        for file in files:
            tar.add(file, arcname=file.name)
    members = list_tar(root / "images.tar")
    ImageIndex.of("images.tar", members, [0] * len(members)).save(root / "index.npz")
    os.sync()  # pages that are not written yet cannot be dropped
    return files


def orders(count: int) -> Iterator[list[int]]:
    """What each round reads, in its order: short rounds, so that what disturbs the machine meets both sides alike."""
    generator = np.random.default_rng(1)
    while True:
        yield generator.choice(count, min(READS, count), replace=False).tolist()


def read_loose(files: Sequence[Path], order: Sequence[int]) -> int:
    """Reads files whole."""
    paths = list(map(str, files))
    for index in order:
        descriptor = os.open(paths[index], os.O_RDONLY | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size)
        os.close(descriptor)
        if len(content) != size:
            raise RuntimeError(f"{paths[index]} was read in part")
    return len(order)


def read_in_place(dataset: ImageNetSet, order: Sequence[int]) -> int:
    """Reads the same files from the tar."""
    for index in order:
        dataset.read(index)
    return len(order)


def forget(files: Sequence[Path], drop_caches: bool) -> None:
    """Drops the files' pages from memory."""
    if drop_caches:
        DROP_CACHES.write_text("3")
        return
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def measure_reads(root: Path, files: list[Path], rounds: int, drop_caches: bool) -> None:
    """Prints the warm and the cold table."""
    dataset = ImageNetSet(root / "index.npz", root, CentreCrop(256, 224))
    for index, file in enumerate(files):  # which also warms the page cache
        if dataset.read(index) != file.read_bytes():
            raise RuntimeError(f"member {index} differs from its file")
    loose, in_place = "loose files", "one tar, by offset"

    def programs() -> dict[str, Callable[[], int]]:
        ours, theirs = orders(len(files)), orders(len(files))
        return {
            in_place: lambda: read_in_place(dataset, next(ours)),
            loose: lambda: read_loose(files, next(theirs)),
        }

    print_rates("Random reads, page cache warm", alternate(programs(), rounds), loose, unit="files/s")
    cold = {in_place: [root / "images.tar"], loose: files}
    rates = alternate(programs(), rounds, lambda name: forget(cold[name], drop_caches))
    how = "all caches dropped" if drop_caches else "pages dropped; directory entries and inodes cached"
    print_rates(f"Random reads, cold ({how})", rates, loose, unit="files/s")


def main() -> None:
    """Parses the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to write the files; needs twice their size")
    parser.add_argument("--images", type=int, default=10_000, help="number of files")
    parser.add_argument("--rounds", type=int, default=31, help="counted rounds of 1000 files")
    parser.add_argument("--drop-caches", action="store_true", help="drop all caches of the machine before cold rounds")
    arguments = parser.parse_args()
    if arguments.drop_caches and not os.access(DROP_CACHES, os.W_OK):
        parser.error("--drop-caches needs root")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        files = write_files(Path(folder), arguments.images)
        size = (Path(folder) / "images.tar").stat().st_size
        print(f"{len(files)} files, {size / 1e9:.2f} GB, {arguments.rounds} rounds")
        measure_reads(Path(folder), files, arguments.rounds, arguments.drop_caches)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure_index(Path(folder))


if __name__ == "__main__":
    main()
