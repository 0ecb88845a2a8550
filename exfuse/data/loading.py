"""Prepared data as samples and batches, in uint8; a sample is a function of (seed, epoch, index) alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from exfuse.data.archives import place
from exfuse.data.decoding import decode_image
from exfuse.data.imagenet import ImageIndex
from exfuse.data.images import decode_mask
from exfuse.data.labels import IGNORE_INDEX, ClassMap
from exfuse.data.reading import ArchiveFile
from exfuse.data.sampling import Position, augmentation_generator
from exfuse.data.transforms import flip_and_crop, mean_pixel
from exfuse.errors import UserError
from exfuse.files import read_bytes, read_csv

CACHE_BYTES = 64 << 20
HUNG_SECONDS = 900.0
"""No batch takes loading processes so long, unless the disk is gone."""
PREPARE_AGAIN = "Prepare the data again."


class SampleCache:
    """Keeps decoded samples in memory until the limit is reached, then no more of them.

    A loading process keeps none: each would hold a copy of its own.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._samples: dict[int, tuple[Tensor, ...]] = {}

    def get(self, index: int, load: Callable[[int], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """The sample at ``index``, loaded when it is not there."""
        sample = self._samples.get(index)
        if sample is None:
            sample = load(index)
            size = sum(tensor.nbytes for tensor in sample)
            if self._used + size <= self._limit and get_worker_info() is None:
                self._samples[index] = sample
                self._used += size
        return sample


@dataclass(frozen=True, slots=True)
class SegmentationRecord:
    """A row of a set's table; paths are relative to the prepared data, ``mask`` is empty for test images."""

    id: str
    image: str
    mask: str
    width: int
    height: int


def read_set(table: Path) -> list[SegmentationRecord]:
    """The images of a set.

    Raises:
        UserError: the table is absent, is none or lists no image.
    """
    try:
        records = [
            SegmentationRecord(row["id"], row["image"], row["mask"], int(row["width"]), int(row["height"]))
            for row in read_csv(table)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{table} is not the table of a set ({error!r}). Delete it and run again.") from error
    if not records:
        raise UserError(f"{table} lists no image. Check the archives and the classes that the preset keeps.")
    return records


def read_image(path: Path) -> Tensor:
    """RGB uint8 (3, H, W) of an image file as stored, without EXIF's rotation: masks are in sensor orientation.

    Raises:
        UserError: the file is absent or damaged.
    """
    return decode_image(read_bytes(path, PREPARE_AGAIN), str(path))


class WholeImageSet(Dataset[tuple[Tensor, Tensor]]):
    """The images of a set at their own size, for evaluation.

    Args:
        table: the set's table.
        root: the prepared data that its paths are relative to.
        class_map: turns the masks' labels into the classes of the preset.
        cache_bytes: memory for decoded samples.
    """

    def __init__(self, table: Path, root: Path, class_map: ClassMap, *, cache_bytes: int = 0) -> None:
        self.records = read_set(table)
        self.root = root
        self._class_map = class_map
        self._cache = SampleCache(cache_bytes)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image uint8 (3, H, W) and mask uint8 (H, W); an image without a mask is void everywhere.

        Raises:
            UserError: a file is absent or damaged, or image and mask differ in size.
        """
        image, mask = self._cache.get(index, self._load)
        return image, mask

    def _load(self, index: int) -> tuple[Tensor, Tensor]:
        record = self.records[index]
        image = read_image(self.root / record.image)
        if not record.mask:
            return image, torch.full(image.shape[1:], IGNORE_INDEX, dtype=torch.uint8)
        path = self.root / record.mask
        stored = decode_mask(read_bytes(path, PREPARE_AGAIN), str(path), self._class_map.num_labels)
        mask = self._class_map.table.take(stored)
        if mask.shape != image.shape[1:]:
            raise UserError(
                f"{path} has {mask.shape[1]}×{mask.shape[0]} pixels and its image {image.shape[2]}×{image.shape[1]}. "
                "Prepare the data again."
            )
        return image, torch.from_numpy(mask)


class SegmentationSet(Dataset[tuple[Tensor, Tensor]]):
    """Training samples for segmentation: flipped, cropped, padded.

    Args:
        table: the set's table.
        root: the prepared data that its paths are relative to.
        class_map: turns the masks' labels into the classes of the preset.
        crop_size: side of the samples in pixels.
        mean: RGB mean in units of 0–1, the fill of the padding.
        seed: with epoch and index decides the augmentation.
        cache_bytes: memory for decoded images.
    """

    def __init__(
        self,
        table: Path,
        root: Path,
        class_map: ClassMap,
        *,
        crop_size: int,
        mean: Sequence[float],
        seed: int,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.images = WholeImageSet(table, root, class_map, cache_bytes=cache_bytes)
        self.crop_size = crop_size
        self.seed = seed
        self._fill = mean_pixel(mean)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: Position) -> tuple[Tensor, Tensor]:
        """Image uint8 (3, S, S) and mask uint8 (S, S) of the sample at (epoch, index)."""
        epoch, index = position
        image, mask = self.images[index]
        return flip_and_crop(image, mask, self.crop_size, self._fill, augmentation_generator(self.seed, epoch, index))


class ImageNetSet(Dataset[tuple[Tensor, int]]):
    """ImageNet, read by offset from the archive as it was published.

    Args:
        index: prepared ``train.npz`` or ``val.npz``; it names its archive.
        archives: the folder that holds the archive.
        transform: turns uint8 (3, H, W) into the network's size, with the sample's own random numbers.
        seed: with epoch and index decides the augmentation.
        cache_bytes: memory for decoded images.

    Raises:
        UserError: index or archive is absent, or the index is damaged.
    """

    def __init__(
        self,
        index: Path,
        archives: Path,
        transform: Callable[[Tensor, np.random.Generator], Tensor],
        *,
        seed: int = 0,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.index = ImageIndex.load(index)
        self._archive = ArchiveFile(archives / self.index.archive)
        self.transform = transform
        self.seed = seed
        self._cache = SampleCache(cache_bytes)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: Position) -> tuple[Tensor, int]:
        """Image uint8 (3, S, S) and class (position in the sorted wnids) of the sample at (epoch, index).

        Raises:
            UserError: the archive or the member is damaged.
        """
        epoch, index = position
        (image,) = self._cache.get(index, self._load)
        return self.transform(image, augmentation_generator(self.seed, epoch, index)), int(self.index.label[index])

    def read(self, index: int) -> bytes:
        """An image's file as it lies in the archive.

        Raises:
            UserError: the archive was cut or replaced, or cannot be read.
        """
        name = self.index.name[index].decode()
        return self._archive.read(int(self.index.offset[index]), int(self.index.length[index]), name)

    def _load(self, index: int) -> tuple[Tensor]:
        return (decode_image(self.read(index), place(self._archive.path, self.index.name[index].decode())),)


def stack_samples(samples: list[tuple[Tensor, Any]]) -> tuple[Tensor, Any]:
    """Images (3, H, W) with masks or labels as one batch of each; images lie in memory as decoded, channels last."""
    images, targets = default_collate([(image.permute(1, 2, 0), target) for image, target in samples])
    return images.permute(0, 3, 1, 2), targets


def make_loader(
    dataset: Dataset[Any],
    batches: Iterable[Sequence[Any]],
    *,
    workers: int = 0,
    collate: Callable[[list[Any]], Any] = stack_samples,
    pin_memory: bool = False,
    start_worker: Callable[[int], None] | None = None,
) -> Iterator[Any]:
    """Batches of samples.

    Args:
        dataset: gives a sample for each key.
        batches: lists of keys: a :class:`StepSampler`, or :func:`consecutive_batches`.
        workers: loading processes beside this one.
        collate: makes a batch of a list of samples.
        pin_memory: whether batches lie in page-locked memory, for copies that do not block.
        start_worker: called in each loading process with its number, before anything else.

    Raises:
        UserError: as the data set, with its plain message from a loading process too; or loading processes hang.
    """
    loader = DataLoader(
        dataset,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=start_worker,
        timeout=HUNG_SECONDS if workers else 0,
        generator=torch.Generator(),  # otherwise an iterator takes a number from the global one
    )
    try:
        yield from loader
    except UserError as error:
        raise UserError(str(error).rpartition("UserError: ")[2].strip()) from error
    except RuntimeError as error:
        if "timed out" not in str(error):
            raise
        raise UserError(
            f"no batch came from {workers} loading processes within {HUNG_SECONDS:.0f} s. See whether the disk of the "
            "data answers; the same call then goes on from the last state."
        ) from error
