"""A small ImageNet val: encoded images one after the other in an archive, and the index that says where."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_val(folder: Path, contents: Sequence[bytes], labels: Sequence[int]) -> Path:
    """Writes ``val.tar`` and ``val.npz``; gives the latter."""
    (folder / "val.tar").write_bytes(b"".join(contents))
    lengths = np.array([len(content) for content in contents], dtype=np.int32)
    np.savez(
        folder / "val.npz",
        archive=np.array("val.tar"),
        offset=(np.cumsum(lengths) - lengths).astype(np.int64),
        length=lengths,
        label=np.array(labels, dtype=np.int16),
        name=np.array([f"ILSVRC2012_val_{number:08}.JPEG" for number in range(len(contents))], dtype="S"),
    )
    return folder / "val.npz"
