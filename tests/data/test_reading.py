"""Reading an archive in place: from many processes, over short reads, signals and stale handles, and after damage."""

import errno
import multiprocessing
import os
import pickle
import re
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from exfuse.data.reading import ArchiveFile
from exfuse.errors import UserError

BYTES = 1 << 20
SECONDS = 60


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "images.tar"
    path.write_bytes(np.random.default_rng(0).bytes(BYTES))
    return path


def windows(seed: int) -> list[tuple[int, int]]:
    """Offsets and lengths inside the archive."""
    rng = np.random.default_rng(seed)
    offsets = rng.integers(0, BYTES, 300)
    return [(int(offset), int(rng.integers(1, BYTES - offset + 1))) for offset in offsets]


def assert_read(file: ArchiveFile, content: bytes, seed: int = 0) -> None:
    for offset, length in windows(seed):
        assert file.read(offset, length, "a.JPEG") == content[offset : offset + length]


def read_and_seek(file: ArchiveFile, content: bytes, seed: int, answers: Connection) -> None:
    """Reads, then moves its descriptor's position, which no other process must see."""
    try:
        assert_read(file, content, seed)
        os.lseek(file._opened(), 1 + seed, os.SEEK_SET)
        answers.send("read")
    except BaseException as error:
        answers.send(repr(error))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_each_process_reads_through_a_descriptor_of_its_own(archive: Path, method: str) -> None:
    file, content = ArchiveFile(archive), archive.read_bytes()
    file.read(0, 1, "a.JPEG")  # it is open before the processes start
    context = multiprocessing.get_context(method)
    pipes = [context.Pipe(duplex=False) for _ in range(3)]
    processes = [
        context.Process(target=read_and_seek, args=(file, content, seed, answers))
        for seed, (_, answers) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    assert_read(file, content, seed=9)
    for answer, _ in pipes:
        assert answer.poll(SECONDS) and answer.recv() == "read"
    for process in processes:
        process.join(SECONDS)
    assert os.lseek(file._opened(), 0, os.SEEK_CUR) == 0


def test_short_reads_are_continued(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, length, offset: pread(descriptor, min(length, 4000), offset))
    assert ArchiveFile(archive).read(3, 50_001, "a.JPEG") == archive.read_bytes()[3:50_004]


def test_signals_disturb_no_read(archive: Path) -> None:
    arrived = []
    before = signal.signal(signal.SIGALRM, lambda *_: arrived.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        assert_read(ArchiveFile(archive), archive.read_bytes())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert arrived


def fail_reads(monkeypatch: pytest.MonkeyPatch, code: int, times: int) -> list[int]:
    """Lets the next reads fail; returns the descriptors that were tried."""
    pread, tried = os.pread, []

    def failing(descriptor: int, length: int, offset: int) -> bytes:
        tried.append(descriptor)
        if len(tried) <= times:
            raise OSError(code, os.strerror(code))
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", failing)
    return tried


def test_a_stale_handle_is_opened_again(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, opened, open_file = ArchiveFile(archive), [], os.open
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments) or open_file(*arguments))
    tried = fail_reads(monkeypatch, errno.ESTALE, times=1)
    assert file.read(5, 100, "a.JPEG") == archive.read_bytes()[5:105]
    assert len(tried) == 2
    assert len([arguments for arguments in opened if arguments[0] == archive]) >= 2


@pytest.mark.parametrize(("code", "tries"), [(errno.ESTALE, 2), (errno.EIO, 1)])
def test_what_stays_unreadable_is_named(archive: Path, monkeypatch: pytest.MonkeyPatch, code: int, tries: int) -> None:
    tried = fail_reads(monkeypatch, code, times=10)
    message = f"a.JPEG in {archive}: cannot read it: {os.strerror(code)}."
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        ArchiveFile(archive).read(0, 10, "a.JPEG")
    assert len(tried) == tries


def test_an_archive_cut_while_it_is_read_is_named_with_the_member(archive: Path) -> None:
    file = ArchiveFile(archive)
    file.read(0, BYTES, "a.JPEG")
    os.truncate(archive, BYTES // 2)
    with pytest.raises(
        UserError, match=rf"^b\.JPEG in {re.escape(str(archive))}: the archive ends before byte {BYTES}"
    ):
        file.read(BYTES - 100, 100, "b.JPEG")


def test_an_archive_replaced_before_a_process_opens_it_is_named_with_the_member(archive: Path) -> None:
    file, content = ArchiveFile(archive), archive.read_bytes()
    file.read(0, 10, "a.JPEG")
    other = archive.with_name("other.tar")
    other.write_bytes(content[:-1])
    os.replace(other, archive)
    assert file.read(0, 10, "a.JPEG") == content[:10]  # what is open stays what it was
    message = f"b.JPEG in {archive}: the archive has {BYTES - 1} bytes and had {BYTES} before"
    for _ in range(2):
        with pytest.raises(UserError, match=f"^{re.escape(message)}"):
            pickle.loads(pickle.dumps(file)).read(0, 10, "b.JPEG")


def test_a_refused_archive_stays_refused(archive: Path) -> None:
    file = ArchiveFile(archive)
    with open(archive, "ab") as stream:
        stream.write(b"more")
    for _ in range(2):
        with pytest.raises(UserError, match="it was replaced or cut"):
            file.read(0, 10, "a.JPEG")


def test_descriptors_are_closed(archive: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        file = ArchiveFile(archive)
        file.read(0, 10, "a.JPEG")
        del file
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images\.tar is missing"):
        ArchiveFile(tmp_path / "images.tar")
