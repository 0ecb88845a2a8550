"""Data sets and loader on small prepared data that the tests write, and on real archives."""

import io
import multiprocessing
import pickle
import re
import tarfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from exfuse.data.imagenet import prepare_imagenet
from exfuse.data.labels import ClassMap, voc_palette
from exfuse.data.loading import ImageNetSet, SegmentationSet, WholeImageSet, make_loader, read_set
from exfuse.data.sampling import StepSampler, consecutive_batches
from exfuse.data.sets import SET_COLUMNS, write_set
from exfuse.data.transforms import CentreCrop, RandomResizedCrop
from exfuse.data.voc import prepare_voc
from exfuse.errors import UserError
from exfuse.files import write_csv

MEAN = (0.485, 0.456, 0.406)
SIZES = ((40, 30), (20, 50), (70, 64), (32, 32), (90, 15))  # width, height


def encoded(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def write_mask(path: Path, labels: np.ndarray) -> None:
    mask = Image.fromarray(labels)
    mask.putpalette(voc_palette())
    mask.save(path)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Prepared data with five images in ``set.csv``; the last has no mask."""
    rng = np.random.default_rng(0)
    rows = []
    for number, (width, height) in enumerate(SIZES):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)))
        write_mask(tmp_path / f"{number}.png", rng.choice([0, 1, 2, 20, 255], (height, width)).astype(np.uint8))
        mask = "" if number == len(SIZES) - 1 else f"{number}.png"
        rows.append({"id": str(number), "source": "voc", "image": f"{number}.jpg", "mask": mask, "classes": ""})
        rows[-1] |= {"width": str(width), "height": str(height)}
    write_csv(tmp_path / "set.csv", SET_COLUMNS, rows)
    return tmp_path


def training_set(root: Path, cache_bytes: int = 0) -> SegmentationSet:
    return SegmentationSet(root / "set.csv", root, ClassMap(), crop_size=48, mean=MEAN, seed=3, cache_bytes=cache_bytes)


def test_whole_images_are_the_files_content(prepared: Path) -> None:
    images = WholeImageSet(prepared / "set.csv", prepared, ClassMap())
    assert len(images) == len(SIZES)
    for number, (width, height) in enumerate(SIZES[:-1]):
        image, mask = images[number]
        assert image.dtype == mask.dtype == torch.uint8
        assert image.shape == (3, height, width)
        with Image.open(prepared / f"{number}.jpg") as file:
            assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(file))
        with Image.open(prepared / f"{number}.png") as file:
            assert np.array_equal(mask.numpy(), np.asarray(file))


def test_an_image_without_a_mask_is_void(prepared: Path) -> None:
    image, mask = WholeImageSet(prepared / "set.csv", prepared, ClassMap())[len(SIZES) - 1]
    assert mask.shape == image.shape[1:] and (mask == 255).all()


def test_the_class_map_is_applied_when_a_mask_is_read(prepared: Path) -> None:
    _, full = WholeImageSet(prepared / "set.csv", prepared, ClassMap())[0]
    _, kept = WholeImageSet(prepared / "set.csv", prepared, ClassMap(["tvmonitor", "bicycle"]))[0]
    for voc_id, label in {0: 0, 1: 0, 2: 1, 20: 2, 255: 255}.items():
        assert (full == voc_id).any() and (kept[full == voc_id] == label).all()


def test_samples_depend_on_epoch_and_index_alone(prepared: Path) -> None:
    first, second = training_set(prepared), training_set(prepared, cache_bytes=1 << 20)
    for position in [(0, 0), (5, 2), (0, 2), (5, 2)]:
        for one, other in zip(first[position], second[position], strict=True):
            assert torch.equal(one, other)
    epochs = torch.stack([first[epoch, 2][0] for epoch in range(8)])
    assert len(epochs.unique(dim=0)) == 8


@pytest.mark.parametrize("first_step", [0, 3])
def test_batches_are_the_same_with_any_number_of_workers(prepared: Path, first_step: int) -> None:
    undisturbed = list(make_loader(training_set(prepared), StepSampler(5, 3, 3, 0, 6)))
    assert undisturbed[0][0].shape == (3, 3, 48, 48) and undisturbed[0][1].shape == (3, 48, 48)
    for workers in (0, 2):
        sampler = StepSampler(5, 3, 3, first_step, 6)
        batches = list(make_loader(training_set(prepared), sampler, workers=workers))
        assert len(batches) == 6 - first_step
        for batch, expected in zip(batches, undisturbed[first_step:], strict=True):
            assert torch.equal(batch[0], expected[0]) and torch.equal(batch[1], expected[1])


def test_loading_takes_nothing_from_the_global_random_state(prepared: Path) -> None:
    before = torch.get_rng_state()
    list(make_loader(training_set(prepared), StepSampler(5, 3, 3, 0, 2)))
    assert torch.equal(torch.get_rng_state(), before)


def test_cached_samples_need_no_file_and_the_cache_is_bounded(prepared: Path) -> None:
    room_for_first = 4 * SIZES[0][0] * SIZES[0][1]
    samples = training_set(prepared, cache_bytes=room_for_first)
    for index in (0, 1):
        samples[0, index]
        (prepared / f"{index}.jpg").unlink()
    samples[1, 0]
    with pytest.raises(UserError, match=r"1\.jpg"):
        samples[1, 1]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_is_one_plain_message_from_any_process(prepared: Path, workers: int) -> None:
    (prepared / "1.jpg").write_bytes((prepared / "1.jpg").read_bytes()[:200])
    with pytest.raises(UserError, match=r"1\.jpg") as caught:
        list(make_loader(training_set(prepared), StepSampler(5, 5, 0, 0, 1), workers=workers))
    assert "Traceback" not in str(caught.value) and str(caught.value).startswith(str(prepared))


def test_a_mask_of_another_size_is_refused(prepared: Path) -> None:
    write_mask(prepared / "0.png", np.zeros((30, 41), dtype=np.uint8))
    with pytest.raises(UserError, match=r"0\.png has 41×30 pixels and its image 40×30"):
        training_set(prepared)[0, 0]


@pytest.mark.parametrize(
    "content", ["", "id,image\n1,2\n", ",".join(SET_COLUMNS) + "\n", ",".join(SET_COLUMNS) + "\n1,voc\n"]
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "set.csv").write_text(content)
    with pytest.raises(UserError, match=r"set\.csv"):
        read_set(tmp_path / "set.csv")


@pytest.fixture
def imagenet(tmp_path: Path) -> tuple[Path, list[bytes]]:
    """An index and an archive, here just images one after the other, and their bytes."""
    rng = np.random.default_rng(1)
    contents = [encoded(rng.integers(0, 256, (50 + number, 60, 3), dtype=np.uint8)) for number in range(5)]
    lengths = [len(content) for content in contents]
    (tmp_path / "images.tar").write_bytes(b"".join(contents))
    np.savez(
        tmp_path / "train.npz",
        archive=np.array("images.tar"),
        offset=np.cumsum([0, *lengths[:-1]]).astype(np.int64),
        length=np.array(lengths, dtype=np.int32),
        label=np.array([4, 0, 2, 2, 1], dtype=np.int16),
        name=np.array([f"{number}.JPEG" for number in range(5)], dtype="S"),
    )
    return tmp_path / "train.npz", contents


def test_imagenet_images_are_read_by_offset(imagenet: tuple[Path, list[bytes]]) -> None:
    index, contents = imagenet
    samples = ImageNetSet(index, index.parent, lambda image, generator: image)
    assert len(samples) == 5
    for number, content in enumerate(contents):
        image, label = samples[0, number]
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(Image.open(io.BytesIO(content))))
        assert label == [4, 0, 2, 2, 1][number]


def test_imagenet_batches_are_the_same_with_any_number_of_workers(imagenet: tuple[Path, list[bytes]]) -> None:
    index, _ = imagenet
    samples = ImageNetSet(index, index.parent, RandomResizedCrop(32, 0.08), seed=1)
    samples[0, 0]  # the descriptor is open before the processes start
    plain = list(make_loader(samples, StepSampler(5, 4, 1, 0, 4)))
    parallel = list(make_loader(samples, StepSampler(5, 4, 1, 0, 4), workers=2))
    for (images, labels), (other_images, other_labels) in zip(plain, parallel, strict=True):
        assert images.shape == (4, 3, 32, 32) and labels.dtype == torch.int64
        assert torch.equal(images, other_images) and torch.equal(labels, other_labels)


def test_an_imagenet_set_can_be_sent_to_another_process(imagenet: tuple[Path, list[bytes]]) -> None:
    index, _ = imagenet
    samples = ImageNetSet(index, index.parent, CentreCrop(40, 32))
    expected, _ = samples[0, 1]
    assert torch.equal(pickle.loads(pickle.dumps(samples))[0, 1][0], expected)


def test_a_missing_archive_and_a_cut_one_are_named(imagenet: tuple[Path, list[bytes]]) -> None:
    index, contents = imagenet
    archive = index.parent / "images.tar"
    archive.write_bytes(b"".join(contents)[:-100])
    with pytest.raises(UserError, match=rf"^4\.JPEG in {re.escape(str(archive))}: the archive ends before byte"):
        ImageNetSet(index, index.parent, CentreCrop(40, 32))[0, 4]
    archive.unlink()
    with pytest.raises(UserError, match=r"images\.tar is missing"):
        ImageNetSet(index, index.parent, CentreCrop(40, 32))
    index.write_bytes(b"no archive of arrays")
    with pytest.raises(UserError, match=r"train\.npz"):
        ImageNetSet(index, index.parent, CentreCrop(40, 32))


def test_real_imagenet_samples_are_the_archives_members(real_archives: Path, tmp_path: Path) -> None:
    names = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz")
    prepare_imagenet({name: real_archives / name for name in names}, tmp_path / "imagenet")
    samples = ImageNetSet(tmp_path / "imagenet" / "val.npz", real_archives, lambda image, generator: image)
    with tarfile.open(real_archives / "ILSVRC2012_img_val.tar") as archive:
        members = archive.getmembers()
        assert len(members) == len(samples)
        for number, member in enumerate(members[:5]):
            content = archive.extractfile(member)
            assert content is not None
            expected = np.asarray(Image.open(io.BytesIO(content.read())).convert("RGB"))
            assert np.array_equal(samples[0, number][0].permute(1, 2, 0).numpy(), expected)


def test_real_voc_makes_training_batches(real_archives: Path, tmp_path: Path) -> None:
    name = "VOCtrainval_11-May-2012.tar"
    prepare_voc({name: real_archives / name}, tmp_path / "voc")
    write_set("train", tmp_path, tmp_path / "set.csv")
    samples = SegmentationSet(tmp_path / "set.csv", tmp_path, ClassMap(), crop_size=512, mean=MEAN, seed=0)
    images, masks = next(make_loader(samples, StepSampler(len(samples), 4, 0, 0, 1)))
    assert images.shape == (4, 3, 512, 512)
    for image, mask, (_, index) in zip(images, masks, next(iter(StepSampler(len(samples), 4, 0, 0, 1))), strict=True):
        record = samples.images.records[index]
        assert (mask[record.height :] == 255).all() and (mask[:, record.width :] == 255).all()
        assert (image[:, record.height :] == torch.tensor([124, 116, 104]).reshape(3, 1, 1)).all()
        assert (mask[: record.height, : record.width] != 255).sum() > 0


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_lie_channels_last(prepared: Path, imagenet: tuple[Path, list[bytes]], workers: int) -> None:
    index, _ = imagenet
    for samples in (training_set(prepared), ImageNetSet(index, index.parent, RandomResizedCrop(32, 0.08))):
        for images, _ in make_loader(samples, StepSampler(5, 2, 0, 0, 3), workers=workers):
            assert images.shape[:2] == (2, 3)
            assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.slow
def test_imagenet_is_read_alike_by_processes_that_share_nothing(imagenet: tuple[Path, list[bytes]]) -> None:
    index, contents = imagenet
    samples = ImageNetSet(index, index.parent, CentreCrop(40, 32))
    samples[0, 0]
    with ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as pool:
        assert list(pool.map(samples.read, range(5))) == contents


def test_a_cut_member_is_named_with_its_archive(imagenet: tuple[Path, list[bytes]]) -> None:
    index, _ = imagenet
    samples = ImageNetSet(index, index.parent, CentreCrop(40, 32))
    samples.index.length[3] //= 2
    with pytest.raises(UserError, match=r"^3\.JPEG in .*images\.tar: the image is damaged or cut short"):
        samples[0, 3]


def test_evaluation_keeps_sizes_apart(prepared: Path) -> None:
    images = WholeImageSet(prepared / "set.csv", prepared, ClassMap())
    batches = list(make_loader(images, consecutive_batches(range(len(images)), 2), collate=list))
    assert [tuple(image.shape[1:]) for batch in batches for image, _ in batch] == [(h, w) for w, h in SIZES]
