"""The limits of ImageNet's index: 1.28 million images in 60 MB of file and 500 MB of memory."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.full_index import IMAGES, build, hold, in_fresh_process, synthetic_index
from exfuse.data.imagenet import ImageIndex

MAX_FILE_BYTES = 60_000_000
MAX_MEMORY_BYTES = 500_000_000


def test_the_files_size_an_image_is_within_the_full_sizes_limit(tmp_path: Path) -> None:
    images = 20_000
    index = synthetic_index(images, classes=16)
    index.save(tmp_path / "train.npz")
    assert (tmp_path / "train.npz").stat().st_size <= MAX_FILE_BYTES * images / IMAGES
    read = ImageIndex.load(tmp_path / "train.npz")
    for column in ("offset", "length", "label", "name"):
        assert np.array_equal(getattr(read, column), getattr(index, column))


@pytest.mark.slow
def test_the_full_index_keeps_its_limits(tmp_path: Path) -> None:
    source = tmp_path / "train.npz"
    building = in_fresh_process(build, source)
    holding, _ = in_fresh_process(hold, source)
    assert source.stat().st_size <= MAX_FILE_BYTES
    # what is less than the arrays would mean that nothing was measured
    assert 30_000_000 < building <= MAX_MEMORY_BYTES
    assert 30_000_000 < holding <= MAX_MEMORY_BYTES
    assert len(ImageIndex.load(source)) == IMAGES
