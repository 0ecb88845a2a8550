"""Files and cache objects that are not what was recorded of them."""

import hashlib
import json
from pathlib import Path

import pytest

from exfuse.errors import UserError
from exfuse.files import write_json
from exfuse.pipeline.damage import damaged_files, damaged_objects
from exfuse.spec.graph import Job


def _job(folder: Path, **recorded: str) -> Job:
    """A job whose manifest says that its outputs hold these texts."""
    manifest = folder / "manifest.json"
    outputs = {name: {"sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in recorded.items()}
    write_json(manifest, {"key": "k", "outputs": outputs})
    files = tuple(folder / name for name in recorded)
    return Job(name="x", manifest=manifest, outputs=files, upstream=(), settings={}, key="k")


def test_files_that_are_not_what_the_manifest_says(tmp_path: Path) -> None:
    job = _job(tmp_path, whole="a", altered="b", missing="c")
    (tmp_path / "whole").write_text("a")
    (tmp_path / "altered").write_text("B")
    assert damaged_files([job]) == [tmp_path / "altered"]
    job.manifest.write_text("{}")
    assert damaged_files([job]) == [tmp_path / "whole", tmp_path / "altered"]


def _store(cache: Path, content: str, suffix: str = "") -> Path:
    name = hashlib.md5(content.encode()).hexdigest()
    path = cache / "files/md5" / name[:2] / f"{name[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def _md5(path: Path) -> str:
    return path.parent.name + path.name


def test_objects_of_the_lock_and_of_its_folders(tmp_path: Path) -> None:
    cache, lock = tmp_path / "cache", tmp_path / "dvc.lock"
    assert damaged_objects(lock, cache) == []
    image, weights, other = (_store(cache, content) for content in ("image", "weights", "of another project"))
    listed = [{"md5": _md5(image), "relpath": "a.png"}, {"md5": "0" * 32, "relpath": "not fetched"}]
    folder = _store(cache, json.dumps(listed), suffix=".dir")
    outs = [{"path": str(path), "md5": _md5(path)} for path in (weights, folder)]
    lock.write_text(json.dumps({"stages": {"one": {"outs": outs}, "no outs": {}}}))
    assert damaged_objects(lock, cache) == []
    for path in (image, weights, other):
        path.write_text("X")
    assert sorted(damaged_objects(lock, cache)) == sorted([image, weights])
    folder.write_text("[]")
    assert sorted(damaged_objects(lock, cache)) == sorted([folder, weights])


def test_outputs_of_a_killed_dvc_that_have_no_object(tmp_path: Path) -> None:
    cache, lock = tmp_path / "cache", tmp_path / "dvc.lock"
    weights = _store(cache, "weights")
    lock.write_text(f"stages: {{a: {{outs: [{{path: x, md5: null}}, {{path: y, md5: {_md5(weights)}}}]}}}}")
    assert damaged_objects(lock, cache) == []
    weights.write_text("X")
    assert damaged_objects(lock, cache) == [weights]


@pytest.mark.parametrize("text", ["stages: [", "stages: {a: {outs: [{path: x}]}}", "[]"])
def test_a_lock_that_cannot_be_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(UserError, match=r"dvc\.lock: cannot be understood"):
        damaged_objects(tmp_path / "dvc.lock", tmp_path)
