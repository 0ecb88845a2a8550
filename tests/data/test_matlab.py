import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io

from benchmarks.contents import mat
from exfuse.data import matlab
from exfuse.data.matlab import load_mat
from exfuse.errors import UserError


def compressed(**variables: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables, do_compression=True)
    return buffer.getvalue()


def bomb(order: str, size: int) -> bytes:
    """A header and one compressed element of zeros."""
    inflated = zlib.compress(bytes(size), 9)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49)
    return header + struct.pack(f"{order}II", 15, len(inflated)) + inflated


def test_what_scipy_writes_is_read() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for content in (mat(GTcls=pixels, other=pixels), compressed(GTcls=pixels, other=pixels)):
        np.testing.assert_array_equal(load_mat(content, "GTcls", "a.mat")["GTcls"], pixels)
        assert "other" not in load_mat(content, "GTcls", "a.mat")


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_bomb_is_refused_before_scipy_sees_it(monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr(scipy.io, "loadmat", lambda *args, **kwargs: pytest.fail("scipy inflated it"))
    content = bomb(order, matlab.MAX_INFLATED_BYTES + 1)
    assert len(content) < 100_000
    with pytest.raises(UserError, match=r"a\.mat in b\.tgz: the \.mat file inflates to more than the 67108864 bytes"):
        load_mat(content, "GTcls", "a.mat in b.tgz")


def test_several_elements_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    content = compressed(a=np.zeros(6000, np.uint8), b=np.zeros(6000, np.uint8))
    monkeypatch.setattr(matlab, "MAX_INFLATED_BYTES", 13_000)
    assert load_mat(content, "b", "a.mat")["b"].size == 6000
    monkeypatch.setattr(matlab, "MAX_INFLATED_BYTES", 11_000)
    with pytest.raises(UserError, match="inflates to more than"):
        load_mat(content, "b", "a.mat")


def test_damage_is_named() -> None:
    content = compressed(GTcls=np.zeros(600, np.uint8))
    for damaged in (content[:-20], content[:140] + b"\xff" * 30 + content[170:], b"", b"x" * 200):
        with pytest.raises(UserError, match=r"a\.mat: the \.mat file is damaged"):
            load_mat(damaged, "GTcls", "a.mat")
