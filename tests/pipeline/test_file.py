"""`dvc.yaml`: as committed, as DVC reads it, and what is said of one that is not what ``params/`` asks for."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from exfuse.commands import dvc as command
from exfuse.errors import UserError
from exfuse.pipeline import file
from exfuse.pipeline.stages import stages
from exfuse.pipeline.variable import named
from tests.params import Params, copy_params
from tests.pipeline.committed import Committed

FOR_DVC = (".dvc/.gitignore", ".dvc/config", ".dvcignore")


@pytest.fixture
def params(repo_root: Path, tmp_path: Path) -> Params:
    """``params/`` and `dvc.yaml` as in the repository."""
    shutil.copy(repo_root / file.FILE, tmp_path)
    return copy_params(repo_root, tmp_path)


def _tree(params: Params) -> dict[str, Any]:
    return _read((params.root / file.FILE).read_text())


def _read(text: str) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tree


def _dump(tree: dict[str, Any], **options: Any) -> str:
    return yaml.dump(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False, **options)


def test_the_committed_file_is_what_would_be_written(params: Params) -> None:
    committed = (params.root / file.FILE).read_bytes()
    (params.root / file.FILE).unlink()
    command.write(params.graph(params.load().preset.name))
    assert (params.root / file.FILE).read_bytes() == committed


@pytest.mark.parametrize("preset", ["mini", "smoke"])
def test_the_committed_file_serves(params: Params, preset: str) -> None:
    graph = params.graph(preset)
    file.require_current(graph)
    asked, committed = file.described(graph), Committed(params.root / file.FILE, preset)
    assert list(committed.stages) == list(asked["stages"])
    for name, stage in committed.stages.items():
        assert sorted(stage.deps) == asked["stages"][name]["deps"]
        assert sorted(stage.outs) == sorted(asked["stages"][name]["outs"] + asked["stages"][name]["metrics"])
        assert {(key, source) for source, key in stage.params} == {
            tuple(entry) for entry in asked["stages"][name]["params"]
        }
    assert named(_tree(params)["plots"], preset) == asked["plots"]


@pytest.mark.parametrize(
    ("preset", "served"),
    [("mini", ["mini", "smoke"]), ("smoke", ["mini", "smoke"]), ("paper", ["paper"]), ("voc", ["voc"])],
)
def test_one_file_for_presets_of_one_structure(params: Params, preset: str, served: list[str]) -> None:
    command.write(params.graph(preset))
    assert (params.root / file.FILE).read_text().splitlines()[0].endswith(f"It serves the presets {', '.join(served)}.")
    for name in ("mini", "smoke", "paper", "voc"):
        if name in served:
            file.require_current(params.graph(name))
        else:
            with pytest.raises(UserError, match=f"`exfuse --preset {name} dvc write` writes it"):
                file.require_current(params.graph(name))


def test_a_preset_that_cannot_be_read_is_none_that_is_served(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    params.file("presets/broken.yaml").write_text("extends: nothing\n")
    command.write(params.graph("mini"))
    assert capsys.readouterr().out == "dvc.yaml serves the presets mini, smoke\n"


@pytest.mark.parametrize("preset", ["mini", "smoke"])
def test_dvc_reads_what_is_meant(params: Params, repo_root: Path, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own loader and its own idea of variables, anchors, metrics and persistent outputs."""
    for name in FOR_DVC:
        (params.root / name).parent.mkdir(exist_ok=True)
        shutil.copy(repo_root / name, params.root / name)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(params.root / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    params.put("config.yaml", "preset", preset)
    with Repo(str(params.root), config={"core": {"no_scm": True}}) as repo:
        read = {stage.name: stage for stage in repo.index.stages}
        for name, meant in stages(params.graph(preset)).items():
            stage = read.pop(name)
            assert stage.cmd == meant.command
            assert not stage.always_changed and not stage.frozen
            plain = [dep for dep in stage.deps if not hasattr(dep, "params")]
            assert {dep.def_path for dep in plain} == set(meant.deps)
            by_file = {dep.def_path: set(dep.params or [""]) for dep in stage.deps if hasattr(dep, "params")}
            assert by_file == {
                f: {e.key for e in meant.entries if e.file == f} for f in {e.file for e in meant.entries}
            }
            assert {out.def_path for out in stage.outs} == {*meant.outs, *meant.metrics}
            assert {out.def_path for out in stage.outs if out.metric} == set(meant.metrics)
            assert all(out.persist and out.use_cache for out in stage.outs)
    assert not read


def _without_persist(tree: dict[str, Any]) -> None:
    tree["stages"]["table3"]["outs"][0][next(iter(tree["stages"]["table3"]["outs"][0]))] = {"persist": False}


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "another-command": ("stage 'table3'", lambda tree: tree["stages"]["table3"].update(cmd="touch it")),
    "a-dependency-less": ("stage 'table3'", lambda tree: tree["stages"]["table3"]["deps"].pop()),
    "a-dependency-more": ("stage 'set-val'", lambda tree: tree["stages"]["set-val"]["deps"].append("README.md")),
    "an-entry-less": ("stage 'table3'", lambda tree: tree["stages"]["table3"]["params"][0].popitem()),
    "an-output-less": ("stage 'claims'", lambda tree: tree["stages"]["claims"]["outs"].pop()),
    "a-metric-less": ("stage 'backbone-resnet50'", lambda tree: tree["stages"]["backbone-resnet50"].pop("metrics")),
    "a-stage-less": ("stage 'table5'", lambda tree: tree["stages"].pop("table5")),
    "a-stage-more": ("stage 'mine'", lambda tree: tree["stages"].update(mine={"cmd": "true"})),
    "a-stage-by-another-name": (
        "stage 'table5'", lambda tree: tree["stages"].update(table9=tree["stages"].pop("table5")),
    ),
    "other-plots": ("a plot", lambda tree: tree["plots"].pop()),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_hand_is_named(params: Params, edit: str) -> None:
    what, change = EDITS[edit]
    tree = _tree(params)
    change(tree)
    (params.root / file.FILE).write_text(_dump(tree))
    with pytest.raises(UserError) as refused:
        file.require_current(params.graph())
    assert str(refused.value) == (
        f"{params.root / 'dvc.yaml'}: {what} is not what params/ asks for; it is older, edited by hand, or raw data "
        "came. `exfuse --preset mini dvc write` writes it from params/."
    )


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half-written": lambda content: content[: len(content) // 2 - 7] + b"\n\t",
    "in-conflict": lambda content: b"<<<<<<< HEAD\n" + content,
    "empty": lambda content: b"",
    "a-list": lambda content: b"- a\n",
    "a-word": lambda content: b"stages\n",
    "binary": lambda content: bytes(range(256)),
    "not-utf-8": lambda content: content + b"# \xff\xfe\n",
    "no-stages": lambda content: b"vars: [params/config.yaml]\n",
    "stages-of-none": lambda content: b"vars: [params/config.yaml]\nstages:\nplots: []\n",
    "a-stage-of-none": lambda content: b"vars: [params/config.yaml]\nstages: {table1: }\nplots: []\n",
    "no-variable": lambda content: content.replace(b"vars:\n- params/config.yaml\n", b""),
    "another-variable": lambda content: content.replace(b"- params/config.yaml", b"- params/mine.yaml"),
    "outputs-without-options": lambda content: content.replace(b".csv: *id001", b".csv"),
    "outputs-that-dvc-would-delete": lambda content: content.replace(b"{persist: true}", b"{persist: false}"),
    "a-list-of-lists": lambda content: content.replace(b"    params:\n", b"    params:\n    - [a]\n"),
    "a-dependency-that-is-a-number": lambda content: content.replace(b"    deps:\n", b"    deps:\n    - 7\n"),
    "a-dependency-that-is-a-group": lambda content: content.replace(b"    deps:\n", b"    deps:\n    - {a: b}\n"),
    "a-key-that-is-a-number": lambda content: content.replace(b"      - classes\n", b"      - 1\n"),
    "nested-without-end": lambda content: b"[" * 5000,
    "an-alias-of-itself": lambda content: b"vars: [params/config.yaml]\nstages: &a {a: *a}\nplots: []\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_one_message(params: Params, damage: str) -> None:
    path = params.root / file.FILE
    before = path.read_bytes()
    path.write_bytes(DAMAGES[damage](before))
    assert path.read_bytes() != before
    with pytest.raises(UserError, match=r"^.*dvc\.yaml: .*`exfuse --preset mini dvc write` writes it from params/\.$"):
        file.require_current(params.graph())


def test_a_missing_file(params: Params) -> None:
    (params.root / file.FILE).unlink()
    with pytest.raises(UserError, match=r"dvc\.yaml.*`exfuse --preset mini dvc write` writes it"):
        file.require_current(params.graph())


def test_comments_order_and_anchors_change_nothing(params: Params) -> None:
    tree = _tree(params)  # the header and the anchor's name go
    for stage in tree["stages"].values():
        for key in ("deps", "params", "outs"):
            stage.get(key, []).reverse()
    shuffled = {key: tree[key] for key in reversed(tree)}
    shuffled["stages"] = dict(reversed(tree["stages"].items()))
    (params.root / file.FILE).write_text(f"# mine\n{_dump(shuffled, default_flow_style=True)}")
    file.require_current(params.graph("mini"))
    file.require_current(params.graph("smoke"))


def test_archives_that_come_have_to_be_watched_and_may_go(params: Params) -> None:
    """A clone has none; what was prepared from them outlives them."""
    archive = params.root / "data" / "official" / "VOCtrainval_11-May-2012.tar"
    command.write(params.graph("voc"))
    without = (params.root / file.FILE).read_bytes()
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"")
    with pytest.raises(UserError, match="stage 'data-voc' is not what params/ asks for"):
        file.require_current(params.graph("voc"))
    command.write(params.graph("voc"))
    assert (params.root / file.FILE).read_bytes() != without
    archive.unlink()
    file.require_current(params.graph("voc"))


ADDED: dict[str, tuple[str, Any, bool]] = {
    "device-of-another-kind": ("hardware.deterministic", True, True),
    "archives-elsewhere": ("data_root", "/elsewhere", False),
    "a-score": ("test_server", {"exfuse-resnet101-test": {"miou": 50.0, "key": "0"}}, False),
    "some-runs": ("runs", ["exfuse"], False),
    "steps-of-a-stage": ("fine_tuning.trainaug.batch_norm", {"value": "frozen", "source": "GCN §4"}, False),
}


@pytest.mark.parametrize("line", ["frozen: true", "always_changed: true", "wdir: data"])
def test_what_else_dvc_would_heed_is_refused(params: Params, line: str) -> None:
    path = params.root / file.FILE
    path.write_text(path.read_text().replace("  table2:\n", f"  table2:\n    {line}\n"))
    with pytest.raises(UserError, match="stage 'table2' is not what params/ asks for"):
        file.require_current(params.graph("mini"))


@pytest.mark.parametrize("case", ADDED)
def test_a_new_key_is_seen_by_the_first_stage(params: Params, case: str) -> None:
    """No stage can depend on an entry that is not there: `pipeline` watches the files whole, and refuses if it must."""
    key, value, serves = ADDED[case]
    before = _read(params.file("presets/mini.yaml").read_text())
    params.put("presets/mini.yaml", key, value)
    after = _read(params.file("presets/mini.yaml").read_text())
    committed = Committed(params.root / file.FILE, "mini")
    assert "pipeline" in committed.changed("params/presets/mini.yaml", before, after)
    if serves:
        file.require_current(params.graph())
    else:
        with pytest.raises(UserError, match="is not what params/ asks for"):
            file.require_current(params.graph())
