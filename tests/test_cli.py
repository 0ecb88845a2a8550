"""The command line: its verbs, what they say to mistyped names, and what they leave when they refuse."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import exfuse
from tests.params import Params, copy_params
from tests.program import call

VERBS = (
    "data", "pretrain", "finetune", "score", "submit", "trace", "costs", "probe", "table", "figure", "claims", "report",
    "fidelity", "status", "times", "predict", "evaluate", "export", "info",
)  # fmt: skip
ARCHIVE = "VOCtrainval_11-May-2012.tar"


@pytest.fixture
def params(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A copy of ``params/`` in the current folder."""
    copy = copy_params(repo_root, tmp_path)
    monkeypatch.chdir(copy.root)
    return copy


def _exfuse(repo_root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(repo_root), "COLUMNS": "200"}
    command = [sys.executable, "-m", "exfuse.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _left(root: Path) -> set[str]:
    """What a call left beside ``params/`` and the locks."""
    paths = (path.relative_to(root) for path in root.rglob("*"))
    return {str(path) for path in paths if path.parts[0] not in ("params", ".exfuse")}


# --- in a process of its own ---


def test_help_lists_every_verb(repo_root: Path) -> None:
    done = _exfuse(repo_root, "--help")
    assert done.returncode == 0
    listed = re.findall(r"^│ ([a-z]+) ", done.stdout, re.MULTILINE)
    assert set(listed) == set(VERBS)


def test_version(repo_root: Path) -> None:
    done = _exfuse(repo_root, "--version")
    assert (done.returncode, done.stdout) == (0, f"exfuse {exfuse.__version__}\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--preset", "mimi", "status"), ["unknown preset 'mimi'", "did you mean 'mini'?"]),
        (
            ("--preset", "paper", "data", "prepare", "voc"),
            [f"data/official/{ARCHIVE} is missing", "host.robots.ox.ac.uk"],
        ),
        (("table", "tabel3"), ["unknown table 'tabel3'", "did you mean 'table3'?"]),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_1(
    params: Params, repo_root: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    done = _exfuse(repo_root, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for word in expected:
        assert word in done.stderr
    assert _left(params.root) == set()


def test_a_broken_spec_through_the_program(params: Params, repo_root: Path) -> None:
    params.put("tables.yaml", "table3.rows.6.cells.miou.measure.run", "exfuze")
    done = _exfuse(repo_root, "status")
    assert done.returncode == 1
    assert done.stderr == (
        "error: params/tables.yaml: table3, row '7', column 'miou': unknown run 'exfuze'; did you mean 'exfuse'?\n"
    )


WITHOUT_TORCH = """
import sys
from exfuse import cli
sys.argv = ["exfuse", *sys.argv[1:]]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({"torch", "torchvision", "timm", "matplotlib"} & set(sys.modules)))
"""


@pytest.mark.parametrize("words", [("status",), ("times",), ("table", "table8"), ("claims",)])
def test_what_only_reads_imports_no_torch(params: Params, repo_root: Path, words: tuple[str, ...]) -> None:
    """It costs two seconds; there are dozens of such jobs."""
    graph = params.graph("smoke")
    params.finish(graph, *(name for name in graph.jobs if name.startswith(("runs/", "backbones/"))))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "--preset", "smoke", *words],
        env={**os.environ, "PYTHONPATH": str(repo_root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stderr == ""


# --- mistyped names, verb by verb ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data", "prepare", "vok"), "exfuse data prepare: unknown publisher 'vok'; did you mean 'voc'?"),
        (("data", "set", "trainagu"), "exfuse data set: unknown set 'trainagu'; did you mean 'trainaug'?"),
        (("pretrain", "resnet-50"), "exfuse pretrain: unknown backbone 'resnet-50'; did you mean 'resnet50'?"),
        (("finetune", "exfuze", "trainaug"), "exfuse finetune: unknown run 'exfuze'; did you mean 'exfuse'?"),
        (
            ("finetune", "exfuse", "trainagu"),
            "exfuse finetune exfuse: unknown stage 'trainagu'; did you mean 'trainaug'?",
        ),
        (("score", "sss-lr"), "exfuse score: unknown run 'sss-lr'; did you mean 'ss-lr'?"),
        (
            ("submit", "exfuse-resnet101-tset"),
            "exfuse submit: unknown run 'exfuse-resnet101-tset'; did you mean 'exfuse-resnet101-test'?",
        ),
        (("table", "table33"), "exfuse table: unknown table 'table33'; did you mean 'table3'?"),
        (("figure", "figure8"), "exfuse figure: unknown figure 'figure8'; did you mean 'figure7'?"),
        (("--data", "ofical", "status"), "unknown data folder 'ofical'; did you mean 'official'?"),
    ],
)
def test_unknown_names(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    assert call(monkeypatch, *words) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.endswith(f"{message}\n")
    assert _left(params.root) == set()


def test_unknown_verb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "tabel") == 2
    assert "Did you mean 'table'" in capsys.readouterr().err


# --- what a preset cannot do ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--preset", "voc", "finetune", "exfuse", "trainaug"),
            "preset 'voc' does not make 'exfuse': not run: needs Im",
        ),
        (
            ("--preset", "voc", "score", "gcn-resnext101-coco"),
            "does not make 'gcn-resnext101-coco': not run: needs CO",
        ),
        (("finetune", "exfuse", "trainaug", "--seed", "3"), "has no job 'runs/exfuse/seed3/trainaug'"),
        (
            ("--preset", "voc", "pretrain", "resnet50-ss"),
            "preset 'voc' does not make 'resnet50-ss': not run: needs ImageNet",
        ),
        (
            ("--preset", "paper", "submit", "exfuse-resnet101-test"),
            "does not make 'runs/exfuse-resnet101-test/seed0/trainval/test': not run: needs VOC's test images",
        ),
        (("--preset", "voc", "submit", "exfuse-resnet101-test"), "'exfuse-resnet101-test': not run: needs ImageNet"),
        (
            ("--preset", "paper", "data", "archives"),
            "the archives of data folder 'official' come from their publishers",
        ),
        (
            ("score", "exfuse-resnet101-test"),
            "run 'exfuse-resnet101-test' is scored on another set; use `exfuse submit exfuse-resnet101-test`",
        ),
    ],
)
def test_what_a_preset_does_not_make(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    assert call(monkeypatch, *words) == 1
    assert message in capsys.readouterr().err
    assert _left(params.root) == set()


@pytest.mark.parametrize("words", [("table", "table3"), ("claims",), ("report",), ("data", "set", "train")])
def test_a_job_whose_inputs_are_missing_names_the_command_that_makes_them(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *words) == 1
    message = capsys.readouterr().err
    assert (
        "which is missing or was made from other settings. `snakemake --cores all --config preset=mini -- results/mini/"
        in message
    )
    assert message.count("\n") == 1
    assert _left(params.root) == set()


# --- archives ---


@pytest.mark.parametrize(
    ("publisher", "archive", "origin"),
    [
        ("voc", ARCHIVE, "host.robots.ox.ac.uk/pascal/VOC/voc2012"),
        ("voc-test", "VOC2012test.tar", "PASCAL VOC evaluation server"),
        ("sbd", "benchmark.tgz", "semantic_contours/benchmark.tgz"),
        ("coco", "train2014.zip", "cocodataset.org"),
        ("imagenet", "ILSVRC2012_img_train.tar", "image-net.org"),
    ],
)
def test_a_missing_archive_says_where_it_belongs_and_comes_from(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    publisher: str, archive: str, origin: str,
) -> None:  # fmt: skip
    assert call(monkeypatch, "--preset", "paper", "--data-root", "elsewhere", "data", "prepare", publisher) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"error: elsewhere/{archive} is missing.")
    assert origin in message
    assert "`data_root`" in message
    assert _left(params.root) == set()


def test_the_test_set_without_its_archive_says_which_is_missing(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--preset", "paper", "data", "set", "test") == 1
    assert (
        "data/official/VOC2012test.tar is missing. Get VOC2012test.tar from the PASCAL VOC" in capsys.readouterr().err
    )
    assert _left(params.root) == set()


def test_a_damaged_archive_names_both_checksums(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The md5 of "abc" is the test vector of RFC 1321; the expected one is VOC's."""
    params.put("datasets.yaml", "folders.official.archives.voc.0.size", 3)
    (params.root / "archives").mkdir()
    (params.root / "archives" / ARCHIVE).write_bytes(b"abc")
    assert call(monkeypatch, "--preset", "paper", "--data-root", "archives", "data", "prepare", "voc") == 1
    message = capsys.readouterr().err
    for word in (ARCHIVE, "900150983cd24fb0d6963f7d28e17f72", "6cd6e144f989b92b3379bac3b3de84fd"):
        assert word in message
    assert not (params.root / "results").exists()


def test_archives_that_cannot_be_written(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (params.root / "data").write_text("in the way")
    assert call(monkeypatch, "--preset", "smoke", "data", "archives") == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write data/smoke" in errors[0]
    assert (params.root / "data").read_text() == "in the way"


def test_results_that_cannot_be_written(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], real_archives: Path
) -> None:
    (params.root / "results").write_text("in the way")
    words = ("--preset", "paper", "--data", "subset", "--data-root", str(real_archives), "data", "prepare", "voc")
    assert call(monkeypatch, *words) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write results/paper/data/voc" in errors[0]


# --- status ---


def _status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert call(monkeypatch, "--preset", "smoke", "status") == 0
    *lines, last = capsys.readouterr().out.splitlines()
    states = {line[9:]: line[:9].strip() for line in lines}
    fresh = sum(state != "to run" for state in states.values())
    assert last == f"{fresh} of {len(states)} jobs are fresh"
    return states


def test_status_says_what_is_fresh_and_what_is_to_run(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = params.graph("smoke")
    assert _status(monkeypatch, capsys) == dict.fromkeys(graph.jobs, "to run")
    params.finish(graph)
    assert _status(monkeypatch, capsys) == dict.fromkeys(graph.jobs, "fresh")
    stage = graph.jobs["runs/ss/seed0/trainaug"]
    stage.outputs[0].unlink()
    params.put("claims.yaml", "coco.paper", 4.7)
    expected = {**dict.fromkeys(graph.jobs, "fresh"), stage.name: "no files", "claims": "to run", "report": "to run"}
    assert _status(monkeypatch, capsys) == expected


def test_times_before_anything_ran(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "times") == 0
    assert capsys.readouterr().out.split() == ["rule", "count", "seconds", "longest", "memory"]
