"""From keys to Snakemake's clocks, without Snakemake: inputs, marks and the folder's lock."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exfuse.bridge import LONG_AGO, Bridge
from exfuse.errors import UserError
from exfuse.files import write_json
from exfuse.spec.manifest import provenance_file
from tests.params import Params, copy_params

STAGE = "runs/ss-lr/seed0/trainaug"
NOW = 1_700_000_000
READY = "ready"


@pytest.fixture(scope="module")
def finished_once(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything seems to have run at the preset `smoke`; to be copied."""
    made = copy_params(repo_root, tmp_path_factory.mktemp("bridge"))
    made.finish(made.graph("smoke"))
    return made.root


@pytest.fixture
def params(finished_once: Path, tmp_path: Path) -> Params:
    """This test's copy of that folder, all files of one time."""
    copy = Params(shutil.copytree(finished_once, tmp_path / "copy"))
    for path in copy.root.rglob("*"):
        os.utime(path, (NOW, NOW))
    return copy


def _bridge(params: Params, **settings: object) -> Bridge:
    return Bridge(params.root, {"preset": "smoke", **settings})


def _times(root: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in root.rglob("*") if path.is_file() and ".exfuse" not in path.parts}


# --- inputs ---


def test_a_fresh_job_has_ancient_inputs(params: Params) -> None:
    bridge = _bridge(params)
    base = params.root / "results" / "smoke"
    inputs = bridge.inputs(STAGE)
    assert inputs.timed == []
    assert inputs.ancient == [
        str(base / "backbones" / "resnext101-ss-lr" / "manifest.json"),
        str(base / "data" / "sets" / "trainaug.manifest.json"),
        str(base / "data" / "sets" / "val.manifest.json"),
    ]


def test_a_stale_job_also_reads_the_stamp(params: Params) -> None:
    params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
    bridge = _bridge(params)
    fresh = _bridge(params).inputs("runs/ss/seed0/trainaug")
    for name in (STAGE, f"{STAGE}/val", "tables/table4", "claims", "report"):
        upstream = [str(bridge.graph.jobs[other].manifest) for other in bridge.graph.jobs[name].upstream]
        assert bridge.inputs(name).timed == [*upstream, str(bridge.stamp)]
    assert fresh.timed == []
    assert str(bridge.stamp) not in fresh.ancient


def test_a_last_stage_only_waits_for_the_images_that_score_it(params: Params) -> None:
    """It is scored while it is loaded, but another validation set does not train it anew."""
    params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
    waited = str(params.root / "results/smoke/data/sets/val.manifest.json")
    inputs = _bridge(params).inputs(STAGE)
    assert inputs.ancient == [waited]
    assert waited not in inputs.timed
    assert waited in _bridge(params).inputs(f"{STAGE}/val").timed


def test_a_job_that_reads_nothing(params: Params) -> None:
    assert _bridge(params).inputs("archives").timed == _bridge(params).inputs("archives").ancient == []
    shutil.rmtree(params.root / "data")
    bridge = _bridge(params)
    assert bridge.inputs("archives").timed == [str(bridge.stamp)]


def test_a_job_that_the_preset_has_not(params: Params) -> None:
    with pytest.raises(UserError, match="preset 'smoke' has no job 'runs/ss-lr/seed7/trainaug'"):
        _bridge(params).inputs("runs/ss-lr/seed7/trainaug")


# --- marks ---


def test_marking_touches_nothing_where_all_is_fresh(params: Params) -> None:
    before = _times(params.root)
    _bridge(params).mark()
    assert _times(params.root) == before


def test_marking_makes_stale_outputs_old_and_no_others(params: Params) -> None:
    params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
    before = _times(params.root)
    bridge = _bridge(params)
    bridge.mark()
    after = _times(params.root)
    stale = [STAGE, f"{STAGE}/val", "tables/table3", "tables/table4", "claims", "report", "crate"]
    charts = ("learning-curves", "per-class", "boundary", "object-size", "costs-chart")
    stale += [*(f"figures/{name}" for name in charts), "models/costs"]
    expected = {path for name in stale for job in (bridge.graph.jobs[name],) for path in (*job.outputs, job.manifest)}
    assert {path for path in after if after[path] != before[path]} == expected
    assert {after[path] for path in expected} == {LONG_AGO}
    assert after.keys() == before.keys()


def test_marking_brings_manifests_of_the_future_to_the_present(params: Params) -> None:
    """A clock that was ahead wrote them; Snakemake would fail each job that reads them."""
    early, late = (params.graph("smoke").jobs[name].manifest for name in ("claims", STAGE))
    os.utime(late, (time.time() + 1e6,) * 2)
    _bridge(params).mark()
    assert late.stat().st_mtime <= time.time()
    assert early.stat().st_mtime == NOW


def test_marking_changes_no_content(params: Params) -> None:
    manifest = params.graph("smoke").jobs[STAGE].manifest
    before = manifest.read_bytes()
    params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
    _bridge(params).mark()
    assert manifest.read_bytes() == before


def test_a_folder_of_a_stale_job_that_cannot_be_written_is_named(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake would answer with a traceback. Root may write everywhere, so the system's refusal is made up."""
    refused = params.root / "results" / "smoke" / "logs"
    refused.mkdir()
    (params.root / "results/smoke/claims.csv").unlink()
    _bridge(params).mark()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != refused and access(path, mode))
    with pytest.raises(UserError, match=r"cannot write .*results/smoke/logs, where (claims|report) belongs"):
        _bridge(params).mark()


def test_the_stamp_is_new_each_time(params: Params) -> None:
    """Snakemake compares the checksum of so small a file before it believes its time."""
    bridge = _bridge(params)
    contents = set()
    for _ in range(3):
        bridge.mark()
        contents.add(bridge.stamp.read_text())
    assert len(contents) == 3


# --- the lock ---

HOLDER = f"""
import sys, time
from pathlib import Path
from exfuse.bridge import Bridge
bridge = Bridge(Path(sys.argv[1]), {{"preset": "smoke"}})
bridge.lock()
print({READY!r}, flush=True)
time.sleep(60)
"""


@contextmanager
def _holder(root: Path, repo_root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    command = [sys.executable, "-c", HOLDER, str(root)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == READY
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_second_process_is_refused_until_the_first_is_killed(params: Params, repo_root: Path) -> None:
    bridge = _bridge(params)
    with _holder(params.root, repo_root) as process:
        with pytest.raises(UserError, match=rf"another snakemake works in this folder \(process {process.pid}\)"):
            bridge.lock()
        process.send_signal(signal.SIGKILL)
        process.wait()
        bridge.lock()
    assert (params.root / ".exfuse" / "lock").read_text() == f"{os.getpid()}\n"


def test_a_look_beside_a_running_one_touches_nothing(params: Params, repo_root: Path) -> None:
    """Also after the settings changed: the running one's outputs are not made old under its hands."""
    with _holder(params.root, repo_root):
        params.put("runs.yaml", "runs.ss-lr.levels", [3, 4])
        before = _times(params.root)
        bridge = _bridge(params)
        bridge.mark()
        assert _times(params.root) == before
        assert not bridge.stamp.exists()
        assert STAGE in bridge.stale


@pytest.mark.parametrize("act", ["mark", "lock"])
def test_a_folder_that_cannot_be_written(params: Params, act: str) -> None:
    """A file where a folder has to be stops root as well, whom permissions do not."""
    shutil.rmtree(params.root / ".exfuse", ignore_errors=True)
    (params.root / ".exfuse").write_text("in the way")
    bridge = _bridge(params)
    with pytest.raises(UserError, match=r"cannot write .*\.exfuse/lock"):
        getattr(bridge, act)()


@pytest.mark.parametrize("place", ["results", "data"])
def test_results_or_archives_that_cannot_be_written(repo_root: Path, tmp_path: Path, place: str) -> None:
    params = copy_params(repo_root, tmp_path)
    (params.root / place).write_text("in the way")
    with pytest.raises(UserError, match=rf"cannot write .*/{place}/"):
        _bridge(params).mark()
    assert (params.root / place).read_text() == "in the way"


def test_looking_leaves_no_test_file_behind(repo_root: Path, tmp_path: Path) -> None:
    params = copy_params(repo_root, tmp_path)
    _bridge(params).mark()
    left = {str(path.relative_to(params.root)) for path in params.root.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith("params/")} == {".exfuse/lock", ".exfuse/stamp"}


# --- what the command line gave ---


def test_settings_reach_every_command(params: Params) -> None:
    root = "/some where/it's"
    bridge = _bridge(params, data="subset", data_root=root)
    assert shlex.split(bridge.command) == ["exfuse", "--preset", "smoke", "--data", "subset", "--data-root", root]
    assert bridge.graph.spec.archive_folder == Path(root)


def test_the_configured_preset_is_the_default(params: Params) -> None:
    assert Bridge(params.root, {}).preset == "mini"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "smokey"}, "unknown preset 'smokey'; did you mean 'smoke'"),
        ({"prest": "smoke"}, "unknown setting 'prest'"),
        ({"data": "ofical"}, "unknown data folder 'ofical'; did you mean 'official'"),
    ],
)
def test_mistyped_settings(params: Params, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Bridge(params.root, settings)


def test_the_last_words_say_what_each_kind_of_job_took(params: Params) -> None:
    bridge = _bridge(params)
    for name, wall in ((STAGE, 30.0), ("runs/ss/seed0/trainaug", 12.5), ("backbones/resnet50", 7.0)):
        about = {"seconds": {"wall": wall, "ready": {"wall": 3.0, "cpu": wall / 10}}, "peak_memory_mb": 900}
        write_json(provenance_file(bridge.graph.jobs[name].manifest), about)
    assert [line.split() for line in bridge.closing().splitlines()] == [
        ["rule", "count", "seconds", "longest", "start", "memory"],
        ["pretrain", "1", "7.0", "7.0", "0.7", "CPU", "900", "MB"],
        ["finetune", "2", "42.5", "30.0", "3.0", "CPU", "900", "MB"],
        ["all", "3", "49.5", "30.0", "3.0", "CPU", "900", "MB"],
    ]


def test_forced_jobs_take_all_that_follows_along(params: Params) -> None:
    bridge = _bridge(params)
    params.finish(bridge.graph)
    bridge = _bridge(params)
    assert bridge.inputs("tables/table5", forced=()).timed == []
    assert bridge.inputs("tables/table5", forced=("finetune",)).timed != []
    assert bridge.inputs("tables/table5", forced=("finetune_chain",)).timed == []
    weights = str(bridge.graph.jobs["runs/ss/seed0/trainaug"].outputs[0])
    assert bridge.inputs("tables/table3", forced=(weights,)).timed != []
    assert bridge.inputs("tables/table4", forced=(weights,)).timed == []


def test_a_fresh_job_does_not_miss_what_it_was_made_from(params: Params) -> None:
    """Snakemake makes a missing input again, ancient or not, and then all that reads it."""
    bridge = _bridge(params)
    params.finish(bridge.graph)
    bridge.graph.jobs["data/sets/val"].manifest.unlink()
    inputs = _bridge(params).inputs(f"{STAGE}/val")
    assert inputs.timed == []
    assert [Path(path).name for path in inputs.ancient] == ["manifest.json"]


# --- what jobs take ---


def test_resources_in_the_words_of_snakemake_and_slurm(params: Params) -> None:
    params.put("presets/paper.yaml", "resources.pretrain", {"gpus": 4, "nodes": 2, "memory_gb": 1.5, "hours": 0.26})
    params.put("presets/paper.yaml", "resources.finetune.partition", "long")
    bridge = _bridge(params, preset="paper", data="subset")
    expected = {"mem_mb": 1536, "runtime": 16, "nodes": 2, "gpus": 4, "gres": "gpu:4"}
    assert bridge.resources("pretrain") == expected
    assert bridge.resources("finetune")["slurm_partition"] == "long"
    assert bridge.threads("pretrain") == 4 * bridge.graph.spec.preset.hardware.threads
    assert not {"gpus", "gres", "tasks", "slurm_partition"} & bridge.resources("table").keys()


def test_nodes_without_gpus_get_a_task_each(params: Params) -> None:
    params.put("presets/smoke.yaml", "fine_tuning.common.micro_batch", {"value": 1, "source": "a test"})
    params.put("presets/smoke.yaml", "resources", {"finetune": {"nodes": 2}})
    taken = _bridge(params).resources("finetune")
    assert (taken["tasks"], taken["nodes"]) == (2, 2) and "gpus" not in taken


def test_a_file_system_without_locks(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(UserError, match=r"cannot lock .*\.exfuse/lock: .* has no locks"):
        _bridge(params).mark()
