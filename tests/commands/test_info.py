"""`exfuse info`: a file of weights in words, from its header alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exfuse.commands.info import parameters
from exfuse.models import build_classifier
from exfuse.models.weights import save_weights
from exfuse.spec.weights import ClassifierInfo, SegmenterInfo, read_header
from tests.networks import EXFUSE
from tests.program import call
from tests.trained import BACKBONE, NORMALIZATION, describe, network, write_weights


def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path) -> dict[str, str]:
    """What `exfuse info` prints, by the first word of a line; wrapped lines are joined."""
    assert call(monkeypatch, "info", str(file)) == 0
    found: dict[str, str] = {}
    last = ""
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 120
        name, text = line[:12].strip(), line[12:]
        last = name or last
        found[last] = f"{found[last]} {text}" if last in found else text
    return found


def test_a_segmentation_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = write_weights(tmp_path / "w.safetensors", merged=(1, 2, 3))
    said = lines(monkeypatch, capsys, tmp_path / "w.safetensors")
    count = sum(parameter.numel() for parameter in network(info).parameters())
    assert said["parameters"] == f"{count:,}"
    assert said["title"] == "small ExFuse"
    assert "3; value in label masks and name: 0 background, 7 car, 8 cat" in said["classes"]
    assert said["classes"].endswith("trained as background: the values 1, 2, 3")
    assert "64×64" in said["input"]
    assert "{1, 1, 2, 1} blocks" in said["backbone"]
    assert "(SS) at res-2, res-3, res-4" in said["backbone"]
    for part in ("GCN 5×5 on res-2, res-3, res-4, res-5", "27 channels", "(SEB)", "(ECRE)", "(DAP), k = 3"):
        assert part in said["decoder"]
    assert said["score"] == "mIoU 50.0%, 25.0% with the mirrored images on 5 images of VOC val"
    assert said["caveat"] == "These numbers mean nothing."
    assert (said["key"], said["code"], said["job"]) == ("0123abcd", "c0de", "runs/exfuse/seed0/trainaug")


@pytest.mark.parametrize(
    ("decoder", "there", "absent"),
    [
        ({}, ["GCN 5×5"], ["SEB", "ECRE", "DAP", "Table", "SS's"]),
        ({"levels": (4,)}, ["on res-5;"], ["res-4"]),
        ({"upsampling": "sub-pixel", "prediction": "wide"}, ["sub-pixel upsampling", "(Table 5)"], ["ECRE", "(DAP)"]),
        ({"upsampling": "deconvolution-supervised"}, ["deconvolution with an auxiliary loss"], ["ECRE"]),
    ],
)
def test_parts_are_named_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], decoder: dict[str, object],
    there: list[str], absent: list[str],
) -> None:  # fmt: skip
    write_weights(tmp_path / "w.safetensors", decoder=decoder, scores=None)
    said = lines(monkeypatch, capsys, tmp_path / "w.safetensors")
    assert all(part in f"{said['decoder']};" for part in there)
    assert not [part for part in absent if part in said["decoder"]]
    assert said["score"].startswith("none")


@pytest.mark.parametrize(
    ("decoder", "rearranged", "parts"),
    [
        (EXFUSE, True, "SS, LR, ECRE, SEB, DAP"),
        (EXFUSE, False, "SS, ECRE, SEB, DAP"),
        (EXFUSE, None, "SS, ECRE, SEB, DAP; whether its layers are rearranged (LR) the file does not say"),
        ({"upsampling": "ecre"}, False, "SS, ECRE"),
        ({"upsampling": "sub-pixel", "prediction": "wide"}, False, "SS"),
        ({"semantic_embedding": True, "prediction": "dap"}, True, "SS, LR, SEB, DAP"),
    ],
)
def test_which_of_the_papers_five_parts_a_network_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], decoder: dict[str, object],
    rearranged: bool | None, parts: str,
) -> None:  # fmt: skip
    write_weights(tmp_path / "w.safetensors", decoder=decoder, rearranged=rearranged)
    assert lines(monkeypatch, capsys, tmp_path / "w.safetensors")["parts"] == parts


@pytest.mark.parametrize(("supervised", "rearranged", "parts"), [(True, True, "SS, LR"), (False, False, "none")])
def test_which_of_them_a_backbone_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], supervised: bool,
    rearranged: bool, parts: str,
) -> None:  # fmt: skip
    backbone = BACKBONE if supervised else BACKBONE.model_copy(update={"semantic_supervision": None})
    about = ClassifierInfo(
        title="narrow", backbone=backbone, num_classes=7, normalization=NORMALIZATION, top1_error=None,
        rearranged=rearranged, origin=describe().origin,
    )  # fmt: skip
    save_weights(tmp_path / "w.safetensors", build_classifier(backbone, 7).state_dict(), about)
    assert lines(monkeypatch, capsys, tmp_path / "w.safetensors")["parts"] == parts


@pytest.mark.parametrize(("error", "words"), [(0.125, "top-1 error 12.5%"), (None, "not trained here")])
def test_a_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: float | None, words: str
) -> None:
    about = ClassifierInfo(
        title="narrow", backbone=BACKBONE, num_classes=7, normalization=NORMALIZATION, top1_error=error,
        origin=describe().origin,
    )  # fmt: skip
    model = build_classifier(BACKBONE, 7)
    save_weights(tmp_path / "w.safetensors", model.state_dict(), about)
    said = lines(monkeypatch, capsys, tmp_path / "w.safetensors")
    assert said["kind"].startswith("backbone")
    assert words in said["score"]
    assert said["parameters"] == f"{sum(parameter.numel() for parameter in model.parameters()):,}"


def test_json_is_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    info = write_weights(tmp_path / "w.safetensors")
    assert call(monkeypatch, "info", str(tmp_path / "w.safetensors"), "--json") == 0
    assert SegmenterInfo.model_validate(json.loads(capsys.readouterr().out)) == info


def test_buffers_are_no_parameters() -> None:
    header = {name: {"shape": [2, 3]} for name in ("conv.weight", "bn.running_mean", "bn.running_var")}
    assert parameters(header | {"bn.num_batches_tracked": {"shape": []}, "__metadata__": {}}) == 6


def test_it_needs_no_torch(tmp_path: Path, repo_root: Path) -> None:
    write_weights(tmp_path / "w.safetensors")
    assert read_header(tmp_path / "w.safetensors")
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; from exfuse.commands import info; "
        "info.run(Path('w.safetensors'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("title       small ExFuse\n")


def test_a_pipe_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "w")
    held = os.open(tmp_path / "w", os.O_RDWR)  # what reads it all the same shall end
    try:
        os.write(held, b"no weights at all")
        assert call(monkeypatch, "info", str(tmp_path / "w")) == 1
    finally:
        os.close(held)
    assert capsys.readouterr().err == (
        f"error: cannot read {tmp_path / 'w'}: it is no regular file. Give the file of weights itself.\n"
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04....", b"\x80\x02}.", b"no weights at all"])
def test_what_is_no_file_of_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "w").write_bytes(content)
    assert call(monkeypatch, "info", str(tmp_path / "w")) == 1
    assert str(tmp_path / "w") in capsys.readouterr().err
