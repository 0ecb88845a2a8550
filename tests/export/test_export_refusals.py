"""`exfuse export` where something is wrong: one message, and no file."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from exfuse.commands import export as command
from exfuse.errors import UserError
from exfuse.export.formats import FORMATS, Format
from exfuse.models.weights import load_model, save_weights
from exfuse.spec.weights import ClassifierInfo
from tests.export.networks import info_of


class TestAWrongFile:
    """What the check is for: a program that does something else gets no name."""

    @pytest.fixture
    def format(self, weights: dict[str, Path]) -> Callable[[Callable[[torch.Tensor], torch.Tensor]], Format]:
        """A format whose program spoils the scores."""
        model, info = load_model(weights["gcn"])

        def make(spoil: Callable[[torch.Tensor], torch.Tensor]) -> Format:
            def write(program: torch.export.ExportedProgram, target: Path, description: str) -> None:
                target.write_text("new")

            def load(source: Path) -> Callable[[torch.Tensor], torch.Tensor]:
                return lambda images: spoil(command.predicted(model, info, images))

            return Format("no version", write, load)

        return make

    def spoil_one_channel(self, scores: torch.Tensor) -> torch.Tensor:
        return scores + torch.tensor([1e-3, 0, 0]).reshape(3, 1, 1) * scores.abs().max()

    @pytest.mark.parametrize("old", ["", "old"])
    def test_is_refused_and_removed(self, format: Any, weights: dict[str, Path], tmp_path: Path, old: str) -> None:
        target = tmp_path / "file"
        if old:
            target.write_text(old)
        with pytest.raises(UserError, match=r"not the same: scores differ by at most 1\.0e-03 .* is not written"):
            command.write(*load_model(weights["gcn"]), format(self.spoil_one_channel), target, (40, 40))
        assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == ([("file", old)] if old else [])

    def test_a_right_one_takes_the_name(self, format: Any, weights: dict[str, Path], tmp_path: Path) -> None:
        target = tmp_path / "file"
        target.write_text("old")
        command.write(*load_model(weights["gcn"]), format(lambda scores: scores), target, (40, 40))
        assert target.read_text() == "new"

    def test_scores_that_are_no_numbers(self, format: Any, weights: dict[str, Path], tmp_path: Path) -> None:
        with pytest.raises(UserError, match="at most inf"):
            command.write(*load_model(weights["gcn"]), format(lambda scores: scores / 0), tmp_path / "file", (9, 9))

    def test_a_network_without_numbers_is_not_the_formats_fault(
        self, format: Any, weights: dict[str, Path], tmp_path: Path
    ) -> None:
        model, info = load_model(weights["gcn"])
        with torch.no_grad():
            for parameter in model.decoder.parameters():
                parameter.fill_(3e38)  # a number, but the sums are none
        with pytest.raises(UserError, match="the network itself gives scores that are infinite or no numbers"):
            command.write(model, info, format(lambda scores: scores), tmp_path / "file", (9, 9))
        assert list(tmp_path.iterdir()) == []


def test_onnx_over_two_gigabytes_is_refused(weights: dict[str, Path], tmp_path: Path) -> None:
    large = SimpleNamespace(state_dict={"weight": torch.empty(2**29 + 1, device="meta")})
    with pytest.raises(UserError, match=r"at most 2 GB.* 2\.1 GB.*torch-export"):
        FORMATS["onnx"].write(large, tmp_path / "file", "")  # type: ignore[arg-type]


class TestBadInput:
    """One message before any work is done, and nothing written."""

    @pytest.fixture
    def refused(self, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
        def check(message: str, weights: Path, output: Path | None, size: str | None = None, **options: Any) -> None:
            with pytest.raises(UserError, match=message):
                command.run(weights, output=output, size=size, **{"format": "onnx", "overwrite": False, **options})
            assert capsys.readouterr().out == ""

        return check

    @pytest.mark.parametrize("size", ["64", "0x64", "64x", "-1x5", "64 by 64", "1e3x5", "64x64x3", ""])
    def test_no_size(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path, size: str) -> None:
        refused("not a height and a width.*480x640", weights["gcn"], tmp_path / "file.onnx", size)

    def test_size_too_large(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path) -> None:
        refused("up to 64×64 at once", weights["gcn"], tmp_path / "file.onnx", "65x5")
        refused("up to 160×160 at once", weights["exfuse"], tmp_path / "file.onnx", "5x161")

    def test_present_file(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path) -> None:
        (tmp_path / "file.onnx").write_text("mine")
        refused("exists. Use --overwrite", weights["gcn"], tmp_path / "file.onnx")
        assert (tmp_path / "file.onnx").read_text() == "mine"

    @pytest.mark.parametrize(("format", "suffix"), [("onnx", ".onnx"), ("torch-export", ".pt2")])
    def test_present_file_beside_the_weights(
        self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path, format: str, suffix: str
    ) -> None:
        own = tmp_path / "weights.safetensors"
        own.write_bytes(weights["gcn"].read_bytes())
        own.with_suffix(suffix).write_text("mine")
        refused(f"weights{suffix} exists", own, None, format=format)

    def test_name_that_no_disk_takes(
        self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path
    ) -> None:
        refused("cannot write .*File name too long", weights["gcn"], tmp_path / f"{'n' * 300}.onnx")

    def test_folder(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path) -> None:
        (tmp_path / "file.onnx").mkdir()
        refused("is a folder", weights["gcn"], tmp_path / "file.onnx", overwrite=True)

    @pytest.mark.parametrize(
        ("format", "name"), [("onnx", "file.pt2"), ("torch-export", "file.onnx"), ("onnx", "file")]
    )
    def test_suffix_of_another_format(
        self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path, format: str, name: str
    ) -> None:
        refused("files of the format .* end in", weights["gcn"], tmp_path / name, format=format)

    def test_weights_themselves(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path) -> None:
        own = tmp_path / "badly-named.onnx"
        own.write_bytes(weights["gcn"].read_bytes())
        refused("is the file of the weights itself", own, None, overwrite=True)
        assert own.read_bytes() == weights["gcn"].read_bytes()

    def test_place_that_cannot_be_written(
        self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("no folder")
        refused("cannot write", weights["gcn"], tmp_path / "file" / "inside.onnx")

    def test_missing_weights(self, refused: Callable[..., None], tmp_path: Path) -> None:
        refused("is missing", tmp_path / "none.safetensors", None)
        assert list(tmp_path.iterdir()) == []

    def test_weights_cut_short(self, refused: Callable[..., None], weights: dict[str, Path], tmp_path: Path) -> None:
        short = tmp_path / "short.safetensors"
        short.write_bytes(weights["gcn"].read_bytes()[:-100])
        refused("cut short", short, None)
        assert list(tmp_path.iterdir()) == [short]


def test_a_backbone_is_no_segmentation_network(tmp_path: Path) -> None:
    info = info_of("gcn")
    backbone = ClassifierInfo(
        title="ResNet",
        backbone=info.model.backbone,
        num_classes=2,
        normalization=info.normalization,
        top1_error=None,
        origin=info.origin,
    )
    save_weights(tmp_path / "backbone.safetensors", {"fc": torch.zeros(1)}, backbone)
    with pytest.raises(UserError, match=r"holds a backbone \(ResNet\)"):
        command.run(tmp_path / "backbone.safetensors", "onnx", None, None, overwrite=False)
