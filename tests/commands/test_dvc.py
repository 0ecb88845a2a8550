"""What joins DVC to the graph, without either engine: real processes, and a program in Snakemake's place."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exfuse.commands import dvc as command
from exfuse.errors import FAILED, INTERRUPTED, UserError
from exfuse.pipeline.file import FILE
from exfuse.spec.graph import FIGURES
from tests.commands.snakemakes_place import CALLER, SNAKEMAKE, Folder, is_gone, making, wait_for
from tests.params import copy_params
from tests.program import call


@pytest.fixture
def folder(repo_root: Path, tmp_path: Path) -> Folder:
    root, programs = tmp_path / "root", tmp_path / "programs"
    copy_params(repo_root, root)
    (root / FILE).write_bytes((repo_root / FILE).read_bytes())
    programs.mkdir()
    (programs / "snakemake.py").write_text(SNAKEMAKE)
    made = Folder(root, programs, repo_root)
    made.put("config.yaml", "preset", "smoke")
    return made


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is started."""

    def refuse(*words: Any, **options: Any) -> None:
        pytest.fail(f"started {words}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(subprocess, "run", refuse)


@pytest.mark.usefixtures("no_process")
def test_check_leaves_what_never_differs(folder: Folder) -> None:
    for preset in ("mini", "smoke"):
        command.check(folder.graph(preset))
    mini, smoke = (folder.root / "results" / preset / "pipeline.txt" for preset in ("mini", "smoke"))
    assert mini.read_bytes() == smoke.read_bytes()
    mini.unlink()
    folder.put("presets/mini.yaml", "fine_tuning.trainaug.steps.value", 3)
    command.check(folder.graph("mini"))
    assert mini.read_bytes() == smoke.read_bytes()


@pytest.mark.usefixtures("no_process")
def test_the_first_stage_by_its_name(folder: Folder) -> None:
    command.make(folder.graph("smoke"), "pipeline")
    assert (folder.root / "results" / "smoke" / "pipeline.txt").is_file()


@pytest.mark.usefixtures("no_process")
def test_check_refuses_and_leaves_nothing(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put("presets/paper.yaml", "seeds", 2)
    monkeypatch.chdir(folder.root)
    assert call(monkeypatch, "--preset", "mini", "dvc", "check") == FAILED
    assert not (folder.root / "results").exists()


def test_written_anew_it_is_current(folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    folder.put("presets/paper.yaml", "seeds", 2)
    monkeypatch.chdir(folder.root)
    assert call(monkeypatch, "dvc", "write") == 0
    assert capsys.readouterr().out == "dvc.yaml serves the presets mini, smoke\n"
    assert call(monkeypatch, "dvc", "check") == 0
    assert "ss-lr-seed1-trainaug:" in (folder.root / FILE).read_text()


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("stage", ["table5", "figures", "backbone-resnet50", "exfuse-seed0-val", "archives"])
def test_nothing_is_made_again(folder: Folder, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    graph = folder.graph("smoke")
    folder.make_by_hand(graph)
    command.make(graph, stage)
    assert capsys.readouterr().out == f"{stage}: as params/ asks for; nothing to make\n"


@pytest.mark.usefixtures("no_process")
def test_an_unknown_stage(folder: Folder) -> None:
    with pytest.raises(UserError, match=r"^exfuse dvc make: unknown stage 'tabel3'; did you mean 'table3'\?$"):
        command.make(folder.graph("smoke"), "tabel3")


@pytest.mark.usefixtures("no_process")
def test_with_an_old_file_nothing_is_made_nor_recorded(folder: Folder) -> None:
    graph = folder.graph("smoke")
    folder.make_by_hand(graph)
    text = (folder.root / FILE).read_text()
    (folder.root / FILE).write_text(text.replace("dvc make table5", "dvc make table4"))
    for refused in (lambda: command.make(graph, "table3"), lambda: command.record(graph)):
        with pytest.raises(UserError, match="stage 'table5' is not what params/ asks for"):
            refused()


def test_snakemake_is_asked_for_a_stage_and_its_keys_are_checked(folder: Folder) -> None:
    done = folder.make("table5")
    assert (done.returncode, done.stderr) == (0, "")
    assert folder.asked() == [
        "--cores", "all", "--config", "preset=smoke", "--", "results/smoke/tables/table5.manifest.json",
    ]  # fmt: skip
    assert folder.make("table5", "fails").stdout == "table5: as params/ asks for; nothing to make\n"


def test_archives_on_another_disk_for_one_call(folder: Folder, tmp_path: Path) -> None:
    """Snakemake has to look there too."""
    command.write(folder.graph("voc"))
    disk = tmp_path / "disk"
    done = folder.make("set-val", options=f"--preset voc --data-root {disk}")
    assert (done.returncode, done.stderr) == (0, "")
    assert folder.asked()[2:5] == ["--config", "preset=voc", f"data_root={disk}"]


def test_all_figures_are_one_stage(folder: Folder) -> None:
    assert folder.make("figures").returncode == 0
    asked = folder.asked()
    targets = asked[asked.index("--") + 1 :]
    assert len(targets) == len(FIGURES)
    assert all(target.startswith("results/smoke/figures/") for target in targets)


@pytest.mark.parametrize("gone", ["table5.tex", "table5.provenance.json"])
def test_a_file_that_is_gone_is_made_again(folder: Folder, gone: str) -> None:
    """Of a job whose key is right, so that Snakemake by itself would make none of it."""
    folder.make_by_hand(folder.graph("smoke"), "tables/table5")
    (folder.root / "results" / "smoke" / "tables" / gone).unlink()
    assert folder.make("table5").returncode == 0
    manifest = "results/smoke/tables/table5.manifest.json"
    assert folder.asked() == ["--cores", "all", "--forcerun", manifest, "--config", "preset=smoke", "--", manifest]
    assert (folder.root / "results" / "smoke" / "tables" / gone).is_file()


def test_a_stale_job_is_not_forced(folder: Folder) -> None:
    """Snakemake sees that by itself; were it forced, a training that was interrupted would be too."""
    folder.make_by_hand(folder.graph("smoke"), "tables/table5")
    folder.put("tables.yaml", "table5.caption", "Another.")
    assert folder.make("table5").returncode == 0
    assert "--forcerun" not in folder.asked()


def test_what_is_still_not_asked_for_is_refused(folder: Folder) -> None:
    """Old files under new parameters must not be taken for new ones."""
    folder.make_by_hand(folder.graph("smoke"), "tables/table5")
    folder.put("tables.yaml", "table5.caption", "Another.")
    done = folder.make("table5", "does nothing")
    assert done.returncode == FAILED
    assert done.stderr == (
        "error: tables/table5: not what params/ asks for, though snakemake made it. Did params/ change meanwhile?\n"
    )


def test_snakemake_fails(folder: Folder) -> None:
    done = folder.make("table5", "fails")
    assert (done.returncode, done.stderr) == (FAILED, "RuleException\n")


def test_a_parameter_that_changes_meanwhile(folder: Folder) -> None:
    """What counts is what ``params/`` says when Snakemake is done."""
    done = folder.make("table5", "makes too late")
    assert done.returncode == FAILED
    assert "Did params/ change meanwhile?" in done.stderr


def test_ctrl_c(folder: Folder) -> None:
    """Reaches Snakemake by itself, which ends its jobs; the stage ends after it, and as it."""
    with making(folder) as process:
        folder.number()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=20) == INTERRUPTED
    assert (folder.root / "heard").read_text() == "SIGINT"


def test_a_stage_that_is_asked_to_end_asks_snakemake(folder: Folder) -> None:
    """SIGTERM would let its jobs live on."""
    with making(folder) as process:
        number = folder.number()
        process.terminate()
        assert process.wait(timeout=20) == INTERRUPTED
        assert is_gone(number)
    assert (folder.root / "heard").read_text() == "SIGINT"


def test_snakemake_ends_with_who_asked_for_the_stage(folder: Folder) -> None:
    """As after a SIGKILL of `dvc repro`: else the next call would find Snakemake's lock held."""
    words = [sys.executable, "-c", CALLER]
    with subprocess.Popen(words, cwd=folder.root, env=folder.environment("sleeps")) as caller:
        number = folder.number()
        stage = int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])
        caller.kill()
        caller.wait()
    wait_for(lambda: is_gone(number) and is_gone(stage))
    assert not (folder.root / "heard").exists()


@pytest.mark.usefixtures("no_process")
def test_what_dvc_would_not_hear_of(folder: Folder) -> None:
    with pytest.raises(
        UserError, match=r"records the preset of params/config\.yaml, 'smoke'\. Set `preset: mini` there"
    ):
        command.record(folder.graph("mini"))
    for refused in (command.write, command.check, command.record):
        with pytest.raises(UserError, match=r"DVC hears of no option: set `data_root` in params/presets/smoke\.yaml"):
            refused(folder.graph("smoke", data_root="elsewhere"))


@pytest.mark.usefixtures("no_process")
def test_an_edited_result_is_not_for_dvc(folder: Folder) -> None:
    graph = folder.graph("smoke")
    folder.make_by_hand(graph, "tables/table5")
    with open(folder.root / "results" / "smoke" / "tables" / "table5.csv", "a") as table:
        table.write("forged\n")
    with pytest.raises(UserError, match=r"table5\.csv: not what was made"):
        command.make(graph, "table5")


def test_a_picture_that_is_gone_is_prepared_again(folder: Folder) -> None:
    graph = folder.graph("smoke")
    voc = folder.root / "results" / "smoke" / "data" / "voc"
    (voc / "images").mkdir(parents=True)
    (voc / "masks").mkdir()
    (voc / "index.csv").write_text("id,split,image,mask\na,train,voc/images/a.jpg,voc/masks/a.png\n")
    (voc / "images" / "a.jpg").touch()
    folder.finish(graph, "data/voc")
    (voc / "provenance.json").touch()
    assert folder.make("data-voc", "does nothing").returncode == FAILED
    assert "--forcerun" in folder.asked()
    (voc / "masks" / "a.png").touch()
    assert folder.make("data-voc", "fails").stdout == "data-voc: as params/ asks for; nothing to make\n"


@pytest.mark.usefixtures("no_process")
def test_nothing_to_record(folder: Folder) -> None:
    with pytest.raises(UserError, match=r"^nothing of preset 'smoke' is made yet; `make reproduce`, or `dvc repro`\.$"):
        command.record(folder.graph("smoke"))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("ERROR: you are not inside of a DVC repository\n", "you are not inside of a DVC repository"),
        ("WARNING: slow\nERROR: one\nERROR: two\n", "one; two"),
        (f"{sys.executable}: No module named dvc\n", "No module named dvc"),
        ("", "it failed"),
    ],
)
def test_dvc_that_fails_is_one_message(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, said: str, message: str
) -> None:
    graph = folder.graph("smoke")
    folder.make_by_hand(graph)

    def fail(words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert words[:3] == [sys.executable, "-m", "dvc"]
        return subprocess.CompletedProcess(words, 255, "", said)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(UserError, match=rf"^dvc \w+: .*{message}") as refused:
        command.record(graph)
    assert "\n" not in str(refused.value)
