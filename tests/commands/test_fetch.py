"""`exfuse data fetch` from a server on this machine, through the command line."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from exfuse.commands.publishers import needed
from exfuse.data.download.partial import part_of
from exfuse.data.download.transfer import Patience
from tests.data.publisher_server import Answer, Publisher, serving
from tests.params import Params, copy_params
from tests.program import call, hear_ctrl_c

CONTENT = np.random.default_rng(1).bytes(2_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
FILE = "VOCtrainval_11-May-2012.tar"
SBD = "benchmark.tgz"
IMAGENET = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz")


@pytest.fixture
def server() -> Iterator[Publisher]:
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def params(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Publisher) -> Params:
    """A copy of ``params/`` whose official archives are all the local server's file."""
    copy = copy_params(repo_root, tmp_path)
    for publisher, count in (("voc", 1), ("sbd", 1), ("coco", 3)):
        for index in range(count):
            at = f"folders.official.archives.{publisher}.{index}"
            for key, value in (("urls", [f"{server.url}/{publisher}{index}"]), ("md5", MD5), ("size", len(CONTENT))):
                copy.put("datasets.yaml", f"{at}.{key}", value)
    monkeypatch.chdir(copy.root)
    monkeypatch.setattr(Patience, "pause", lambda *_: 0.0)
    return copy


def test_all_that_the_preset_needs_and_what_it_cannot_get(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--preset", "paper", "data", "fetch") == 0
    folder = Path("data/official")
    assert {path.name for path in folder.iterdir()} == {
        FILE, SBD, "train2014.zip", "val2014.zip", "annotations_trainval2014.zip",
    }  # fmt: skip
    out = capsys.readouterr().out
    assert out.count("fetched, 2,000,000 bytes, md5 right") == 5
    for name in IMAGENET:
        assert f"Get {name} from image-net.org, with a free account and put it at data/official/{name}" in out
    assert "VOC2012test.tar" in out and "runs without it" in out


def test_what_is_there_is_not_loaded_again_nor_read_again(
    params: Params, server: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--preset", "paper", "data", "fetch", "voc") == 0
    monkeypatch.setattr("exfuse.spec.raw.md5", lambda *_: pytest.fail("read again"))
    capsys.readouterr()
    assert call(monkeypatch, "--preset", "paper", "data", "fetch", "voc") == 0
    assert capsys.readouterr().out == f"data/official/{FILE}: already there, 2,000,000 bytes, md5 right\n"
    assert len(server.asked) == 1


def test_a_preset_without_coco_does_not_load_it_unasked(
    params: Params, server: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert needed(params.graph("voc")) == ("voc", "sbd")
    assert call(monkeypatch, "--preset", "voc", "data", "fetch") == 0
    assert sorted(headers["path"] for headers in server.asked) == ["/sbd0", "/voc0"]
    assert "`exfuse data fetch coco` gets it all the same" in capsys.readouterr().out
    assert call(monkeypatch, "--preset", "voc", "data", "fetch", "coco") == 0
    assert len(server.asked) == 5


def test_imagenet_by_name_says_where_to_get_it_and_fails(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--preset", "paper", "data", "fetch", "imagenet") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: 3 of 3 archives are not there")
    for name in IMAGENET:
        assert f"put it at data/official/{name}" in error


def test_one_failure_does_not_hold_up_the_others(
    params: Params, server: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.paths["/voc0"] = Answer(status=404, content=b"gone")
    assert call(monkeypatch, "--preset", "paper", "data", "fetch", "voc", "sbd") == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1].startswith(f"error: cannot download {FILE}: {server.url}/voc0 answers 404")
    assert f"data/official/{FILE}: not fetched" in captured.out
    assert {path.name for path in Path("data/official").iterdir()} == {SBD}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b"short"), "is cut short: 5 of 2,000,000 bytes"),
        (lambda path: path.write_bytes(b"x" * len(CONTENT)), f"expected {MD5}"),
        (lambda path: path.mkdir(), "is a directory, not the archive"),
        (lambda path: path.symlink_to("nowhere"), "is a link that leads nowhere"),
    ],
)
def test_a_users_file_is_never_replaced(
    params: Params,
    server: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: object,
    expected: str,
) -> None:
    assert callable(make)
    target = Path("data/official") / FILE
    target.parent.mkdir(parents=True)
    make(target)
    before = _identity(target)
    assert call(monkeypatch, "--preset", "paper", "data", "fetch", "voc") == 1
    error = capsys.readouterr().err
    assert expected in error and "Move or delete it" in error and str(target) in error
    assert _identity(target) == before
    assert server.asked == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--preset", "mini", "data", "fetch"), "`exfuse data archives` writes them"),
        (
            ("--preset", "mini", "--data", "subset", "data", "fetch"),
            "no archive of data folder 'subset' has an address",
        ),
        (("--preset", "mini", "--data", "subset", "data", "fetch", "voc"), f"{FILE} has no address"),
        (("--preset", "mini", "--data", "subset", "data", "fetch", "voc-test"), "has no archives of 'voc-test'"),
        (("--preset", "paper", "data", "fetch", "vok"), "did you mean 'voc'?"),
    ],
)
def test_what_cannot_be_fetched_is_said(
    params: Params,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    expected: str,
) -> None:
    assert call(monkeypatch, *words) == 1
    assert expected in capsys.readouterr().err
    assert not Path("data").exists()


def _identity(path: Path) -> tuple[int, ...]:
    """All that tells whether a place was written to; the time of the last look at it does not."""
    status = os.lstat(path)
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def _wait_for(part: Path, process: subprocess.Popen) -> None:
    """Until half of the file is there, while the process runs."""
    deadline = time.monotonic() + 30
    while not (part.is_file() and part.stat().st_size > 900_000):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)


def test_a_killed_process_is_gone_on_with(params: Params, server: Publisher, repo_root: Path) -> None:
    server.script = [Answer(stall=1_000_000)]
    command = [sys.executable, "-m", "exfuse.cli", "--preset", "paper", "data", "fetch", "voc"]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    part = part_of(params.root / "data/official" / FILE)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _wait_for(part, process)
        again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert again.returncode == 1 and "another process downloads" in again.stderr
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    kept = part.stat().st_size
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert server.ranges() == [None, f"bytes={kept}-"]
    assert (part.parent / FILE).read_bytes() == CONTENT
    assert [path.name for path in part.parent.iterdir()] == [FILE]


def test_ctrl_c_keeps_the_part(params: Params, server: Publisher, repo_root: Path) -> None:
    server.script = [Answer(stall=1_000_000)]
    command = [sys.executable, "-m", "exfuse.cli", "--preset", "paper", "data", "fetch", "voc"]
    part = part_of(params.root / "data/official" / FILE)
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(repo_root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=hear_ctrl_c,
    )  # fmt: skip
    try:
        _wait_for(part, process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert error == "interrupted; what is finished is kept\n"
    assert part.stat().st_size > 900_000
