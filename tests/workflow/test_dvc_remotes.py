"""Results on their way between clones: through a folder and through S3, killed, incomplete, damaged."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import torch
from moto.server import ThreadedMotoServer

from exfuse.models.weights import load_weights
from tests.workflow.conftest import Clone
from tests.workflow.dvc_clone import DvcClone, base_of, copy_of, git_clone_of, published

pytestmark = pytest.mark.workflow

BUCKET = "exfuse"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
STAGE, WEIGHTS = "backbone-resnet50", Path("results/smoke/backbones/resnet50/weights.safetensors")


@dataclass(frozen=True)
class Remote:
    """Where results are published.

    Attributes:
        url: as DVC takes it.
        options: of `dvc remote modify`.
        count: how many files it holds.
    """

    url: str
    options: dict[str, str]
    count: Callable[[], int]

    def use(self, clone: DvcClone) -> None:
        """Makes it a clone's default."""
        clone.dvc("remote", "add", "--local", "--default", "--force", "elsewhere", self.url)
        for name, value in self.options.items():
            clone.dvc("remote", "modify", "--local", "elsewhere", name, value)


@contextmanager
def _s3() -> Iterator[Remote]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client("s3", endpoint_url=url, **KEYS)
        client.create_bucket(Bucket=BUCKET)

        def count() -> int:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            return sum(page["KeyCount"] for page in pages)

        options = {"endpointurl": url, "region": KEYS["region_name"]}
        options |= {name.removeprefix("aws_"): value for name, value in KEYS.items() if name.startswith("aws_")}
        yield Remote(f"s3://{BUCKET}/results", options, count)
    finally:
        server.stop()


@contextmanager
def _folder(place: Path) -> Iterator[Remote]:
    yield Remote(str(place), {}, lambda: sum(path.is_file() for path in place.rglob("*")))


@pytest.fixture(params=[pytest.param("folder", marks=pytest.mark.long), "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    """An empty one."""
    with _s3() if request.param == "s3" else _folder(tmp_path / "remote") as made:
        yield made


@pytest.fixture
def recorded(
    repo_root: Path, finished: Clone, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[DvcClone]:
    """Results of `smoke`, recorded; the folder that they were pushed to is another."""
    yield from copy_of(published(repo_root, finished, base_of(tmp_path_factory)), tmp_path / "recorded")


def _kill_in_the_middle(clone: DvcClone, word: str, count: Callable[[], int], whole: int) -> None:
    """Kills `dvc push` or `dvc pull` when a third is there."""
    command = [sys.executable, "-m", "dvc", word, "--quiet", "--jobs", "1"]
    process = subprocess.Popen(command, cwd=clone.root, env=clone.environment)
    while count() < whole // 3:
        assert process.poll() is None, "it ended before a third was there"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert count() < whole


def test_killed_transfers_are_completed_by_the_next(recorded: DvcClone, remote: Remote, tmp_path: Path) -> None:
    remote.use(recorded)
    whole = len(recorded.objects())
    _kill_in_the_middle(recorded, "push", remote.count, whole)
    recorded.dvc("push", "--quiet")
    assert remote.count() >= whole

    other = git_clone_of(recorded, tmp_path / "other")
    remote.use(other)
    _kill_in_the_middle(other, "pull", lambda: len(other.objects()), whole)
    other.dvc("pull", "--quiet")
    other.assert_whole_cache()
    assert {path.name for path in other.objects()} == {path.name for path in recorded.objects()}
    assert other.made() == recorded.made()
    other.assert_nothing_to_do()


def _object(folder: Path, clone: DvcClone) -> Path:
    """That of the weights in a cache or a remote."""
    pattern = rf"path: {re.escape(str(WEIGHTS))}\n\s+hash: md5\n\s+md5: (\w+)"
    entry = re.search(pattern, (clone.root / "dvc.lock").read_text())
    assert entry is not None
    return folder / "files/md5" / entry[1][:2] / entry[1][2:]


def _damage(path: Path) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(0o444)  # as DVC leaves it, which it takes for a proof


@pytest.fixture
def storage(recorded: DvcClone, tmp_path: Path) -> Path:
    """A folder with what one stage has made."""
    with _folder(tmp_path / "remote") as remote:
        remote.use(recorded)
        recorded.dvc("push", "--quiet", STAGE)
    return tmp_path / "remote"


def test_a_missing_object_is_told_and_made_again(recorded: DvcClone, storage: Path, tmp_path: Path) -> None:
    kept = _object(storage, recorded)
    kept.unlink()
    other = git_clone_of(recorded, tmp_path / "other")
    with _folder(storage) as remote:
        remote.use(other)
    said = other.failing_dvc("pull", STAGE)
    assert f"{kept.parent.name}{kept.name}" in said
    assert str(WEIGHTS) in said
    other.exfuse("dvc", "make", STAGE)
    made, expected = (load_weights(clone.root / WEIGHTS) for clone in (other, recorded))
    assert all(torch.equal(tensor, expected.pop(name)) for name, tensor in made.items()) and not expected
    other.dvc("commit", "--force", STAGE)
    other.dvc("push", "--quiet", STAGE)
    assert _object(storage, other).read_bytes() == (other.root / WEIGHTS).read_bytes()


def test_a_damaged_remote_is_told(recorded: DvcClone, storage: Path, tmp_path: Path) -> None:
    """DVC looks at what it pulls only where a remote's `verify` is on."""
    expected = (recorded.root / WEIGHTS).read_bytes()
    kept = _object(storage, recorded)
    _damage(kept)
    other = git_clone_of(recorded, tmp_path / "other")
    with _folder(storage) as remote:
        remote.use(other)
    other.dvc("pull", "--quiet", STAGE)
    assert (other.root / WEIGHTS).read_bytes() != expected
    done = other.run(sys.executable, "-m", "exfuse.cli", "dvc", "record")
    assert done.returncode == 1
    assert f"error: {WEIGHTS}: not what was made" in done.stderr

    (other.root / WEIGHTS).unlink()
    other.dvc("remote", "modify", "--local", "elsewhere", "verify", "true")
    assert str(WEIGHTS) in other.failing_dvc("pull", STAGE)
    kept.unlink()
    recorded.dvc("push", "--quiet", STAGE)
    other.dvc("pull", "--quiet", STAGE)
    assert (other.root / WEIGHTS).read_bytes() == expected


def test_a_damaged_cache_is_mended_from_what_is_made(recorded: DvcClone) -> None:
    cache = recorded.root / ".dvc/cache"
    kept = _object(cache, recorded)
    _damage(kept)
    done = recorded.run(sys.executable, "-m", "exfuse.cli", "dvc", "record")
    assert done.returncode == 0, done.stderr
    assert f"{kept}: damaged; deleted from DVC's cache" in done.stderr
    recorded.assert_whole_cache()
    assert kept.read_bytes() == (recorded.root / WEIGHTS).read_bytes()
