"""What is said to names that are mistyped, verb by verb, and to jobs that a preset does not make."""

import pytest

from tests.cli.conftest import left
from tests.params import Params
from tests.program import call


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
    assert left(params.root) == set()


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
    assert left(params.root) == set()


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
    assert left(params.root) == set()
