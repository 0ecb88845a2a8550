"""Training samples a second on one core, against torchvision's ImageFolder and PIL, in the same run.

    python -m benchmarks.loading                       # generated photographs
    python -m benchmarks.loading FOLDER                # the JPEGs below a folder
    python -m benchmarks.loading --archives FOLDER     # those of ImageNet's archives

One process, one thread, files in the page cache, batches of 32 (ImageNet) or 8 (segmentation). ExFuse's samples stay
uint8 and are normalised on the device; a line of its own shows what they cost with the normalisation on the CPU, as
the baselines do it.
"""

import argparse
import os
import random
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional

from benchmarks.photographs import generated, of_archives, of_folder
from benchmarks.rounds import alternate, print_rates
from exfuse.data.imagenet import ImageIndex
from exfuse.data.images import encode_mask, image_size
from exfuse.data.labels import IGNORE_INDEX, ClassMap
from exfuse.data.loading import ImageNetSet, SegmentationSet, make_loader, read_set
from exfuse.data.sampling import StepSampler
from exfuse.data.sets import SET_COLUMNS
from exfuse.data.tars import list_tar
from exfuse.data.transforms import RandomResizedCrop, normalize
from exfuse.files import write_csv

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE, MIN_AREA, BATCH = 224, 0.08, 32
CROP, CROP_BATCH = 512, 8
TAR, TABLE, INDEX = "images.tar", "set.csv", "index.npz"


def write_data(root: Path, photographs: list[bytes]) -> None:
    """The photographs loose, in a tar with its index, and with masks as a prepared set."""
    (root / "loose" / "class").mkdir(parents=True)
    rows = []
    for number, content in enumerate(photographs):
        image, mask = f"loose/class/{number:06}.jpg", f"{number:06}.png"
        width, height = image_size(content, image)
        (root / image).write_bytes(content)
        (root / mask).write_bytes(encode_mask(_mask(height, width, np.random.default_rng(number))))
        cells = ("voc", image, mask, str(width), str(height), "")
        rows.append(dict(zip(SET_COLUMNS, (str(number), *cells), strict=True)))
    write_csv(root / TABLE, SET_COLUMNS, rows)
    with tarfile.open(root / TAR, "w") as tar:
        tar.add(root / "loose" / "class", arcname="class")
    members = list_tar(root / TAR)
    ImageIndex.of(TAR, members, [0] * len(members)).save(root / INDEX)


def _mask(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Three rectangles with a void border on background."""
    mask = np.zeros((height, width), dtype=np.uint8)
    for label in generator.integers(1, 21, 3):
        top, left = generator.integers(height // 2), generator.integers(width // 2)
        mask[top : top + height // 3, left : left + width // 3] = IGNORE_INDEX
        mask[top + 5 : top + height // 3 - 5, left + 5 : left + width // 3 - 5] = label
    return mask


class PilSegmentation(Dataset[tuple[Tensor, Tensor]]):
    """The same files through PIL: flip, random crop, padding, ToTensor, Normalize."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = read_set(root / TABLE)
        self.fill = tuple(round(255 * channel) for channel in MEAN)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.root / self.records[index].image).convert("RGB")
        mask = Image.open(self.root / self.records[index].mask)
        if random.random() < 0.5:
            image, mask = functional.hflip(image), functional.hflip(mask)
        bottom, right = max(CROP - image.height, 0), max(CROP - image.width, 0)
        image = functional.pad(image, [0, 0, right, bottom], self.fill)
        mask = functional.pad(mask, [0, 0, right, bottom], IGNORE_INDEX)
        window = transforms.RandomCrop.get_params(image, (CROP, CROP))
        image, mask = functional.crop(image, *window), functional.crop(mask, *window)
        return functional.normalize(functional.to_tensor(image), MEAN, STD), functional.pil_to_tensor(mask)[0].long()


def ours(dataset: ImageNetSet | SegmentationSet, batch: int, *, normalized: bool) -> Callable[[], int]:
    """An epoch of our batches, normalised on the CPU or not at all."""
    epochs = iter(range(1 << 30))

    def epoch() -> int:
        steps, number = len(dataset) // batch, next(epochs)
        for images, _ in make_loader(
            dataset, StepSampler(len(dataset), batch, 0, number * steps, (number + 1) * steps)
        ):
            if normalized:
                normalize(images, MEAN, STD)
        return steps * batch

    return epoch


def theirs(dataset: Dataset[tuple[Tensor, Tensor]], batch: int) -> Callable[[], int]:
    """An epoch of a baseline's batches."""
    return lambda: sum(len(images) for images, _ in DataLoader(dataset, batch, shuffle=True, drop_last=True))


def image_folder(root: Path) -> ImageFolder:
    """torchvision's own ImageNet training data, as its references load them."""
    steps = (transforms.RandomResizedCrop(SIZE, (MIN_AREA, 1)), transforms.RandomHorizontalFlip())
    return ImageFolder(
        str(root / "loose"), transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    )


def measure(root: Path, rounds: int) -> None:
    """Prints both tables."""
    imagenet = ImageNetSet(root / INDEX, root, RandomResizedCrop(SIZE, MIN_AREA), cache_bytes=0)
    crops = SegmentationSet(root / TABLE, root, ClassMap(), crop_size=CROP, mean=MEAN, seed=0, cache_bytes=0)
    uint8, float32 = "exfuse, uint8 (normalised on the device)", "exfuse, normalised on the CPU"
    baseline = "ImageFolder + PIL, normalised on the CPU"
    rates = alternate(
        {
            uint8: ours(imagenet, BATCH, normalized=False),
            float32: ours(imagenet, BATCH, normalized=True),
            baseline: theirs(image_folder(root), BATCH),
        },
        rounds,
    )
    print_rates(f"ImageNet training samples, {SIZE}×{SIZE}", rates, baseline)
    baseline = "PIL, normalised on the CPU"
    rates = alternate(
        {
            uint8: ours(crops, CROP_BATCH, normalized=False),
            float32: ours(crops, CROP_BATCH, normalized=True),
            baseline: theirs(PilSegmentation(root), CROP_BATCH),
        },
        rounds,
    )
    print_rates(f"Segmentation training samples, {CROP}×{CROP}", rates, baseline)


def main() -> None:
    """Parses the command line, writes the data and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="a folder of JPEGs")
    parser.add_argument("--archives", type=Path, help="the folder with ImageNet's archives")
    parser.add_argument("--images", type=int, default=320, help="number of images, at most")
    parser.add_argument("--rounds", type=int, default=9, help="counted rounds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if arguments.archives:
        photographs = of_archives(arguments.archives, arguments.images)
    elif arguments.folder:
        photographs = of_folder(arguments.folder, arguments.images)
    else:
        photographs = generated(arguments.images)
    if len(photographs) < BATCH:
        parser.error(f"{len(photographs)} JPEGs found; at least {BATCH} are needed")
    size = sum(map(len, photographs)) / len(photographs)
    print(
        f"{len(photographs)} JPEGs of {size / 1000:.0f} kB on average, one core, one thread, {arguments.rounds} rounds"
    )
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), photographs)
        measure(Path(folder), arguments.rounds)


if __name__ == "__main__":
    main()
