"""`exfuse export`: other programs compute what this one does, from files that say what they are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from exfuse.commands import export as command
from exfuse.spec.weights import SegmenterInfo, read_header
from tests.export.networks import info_of, photographs, write_network

SHAPES = {
    "gcn": [(1, 64, 64), (2, 50, 41), (3, 1, 1), (1, 33, 64)],
    "exfuse": [(1, 128, 128), (2, 100, 81), (3, 1, 1), (1, 129, 30), (2, 31, 160), (1, 160, 160)],
}
"""Equal to the training size, smaller, as small as possible, larger along either side, and as large as allowed."""

Scores = Callable[[Path, NDArray[np.uint8]], NDArray[np.float32]]
Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Opened:
    """A file as other programs see it."""

    run: Run
    description: str


def onnx_runtime(file: Path) -> Opened:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    description = session.get_modelmeta().custom_metadata_map["exfuse"]
    return Opened(lambda images: session.run(["scores"], {"images": images})[0], description)


def torch_export(file: Path) -> Opened:
    extra = {"exfuse": ""}
    module = torch.export.load(file, extra_files=extra).module()
    return Opened(lambda images: module(torch.from_numpy(images)).numpy(), extra["exfuse"])


OPENERS: dict[str, Callable[[Path], Opened]] = {"onnx": onnx_runtime, "torch-export": torch_export}


@pytest.fixture(scope="session")
def exported(weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports once for all tests."""
    folder = tmp_path_factory.mktemp("exported")

    def export(network: str, format: Any, size: str | None = None) -> Path:
        file = folder / f"{network}-{size}{command.SUFFIX[format]}"
        if not file.exists():
            command.run(weights[network], format, file, size, overwrite=False)
        return file

    return export


@pytest.fixture(scope="session")
def opened(exported: Callable[..., Path]) -> Callable[[str, str], Opened]:
    """Opens once for all tests."""
    return cache(lambda network, format: OPENERS[format](exported(network, format)))


def assert_scores(run: Run, weights: Path, by_hand: Scores, shape: tuple[int, int, int]) -> None:
    images = photographs(*shape)
    expected, scores = by_hand(weights, images), run(images)
    assert scores.dtype == np.float32
    assert scores.shape == expected.shape
    np.testing.assert_allclose(scores, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_largest_side_is_a_multiple_of_32_up_to_five_quarters_of_the_training_size() -> None:
    assert [command.largest_side(size) for size in (32, 64, 96, 128, 224, 512)] == [32, 64, 96, 160, 256, 640]


@pytest.mark.parametrize(
    ("network", "format"),
    [
        ("gcn", "torch-export"),
        ("exfuse", "onnx"),
        pytest.param("gcn", "onnx", marks=pytest.mark.slow),
        pytest.param("exfuse", "torch-export", marks=pytest.mark.slow),
    ],
)
def test_files_score_images_of_many_sizes_as_prediction_does(
    network: str, format: str, weights: dict[str, Path], opened: Callable[[str, str], Opened], scores_by_hand: Scores
) -> None:
    run = opened(network, format).run
    for shape in SHAPES[network]:
        assert_scores(run, weights[network], scores_by_hand, shape)


def test_torch_export_refuses_what_prediction_would_cut_into_tiles(opened: Callable[[str, str], Opened]) -> None:
    for height, width in ((65, 60), (60, 65)):
        with pytest.raises(AssertionError, match=r"(?i)guard failed.*64"):
            opened("gcn", "torch-export").run(photographs(1, height, width))


@pytest.mark.slow
def test_a_training_size_of_one_unit(tmp_path: Path, scores_by_hand: Scores) -> None:
    small = write_network(tmp_path / "small.safetensors", info_of("gcn", size=32))
    command.run(small, "torch-export", None, None, overwrite=False)
    for shape in ((1, 32, 32), (2, 1, 7)):
        assert_scores(torch_export(tmp_path / "small.pt2").run, small, scores_by_hand, shape)


@pytest.mark.slow
@pytest.mark.parametrize(("format", "size"), [("onnx", "129x96"), ("torch-export", "50x41")])
def test_a_size_fixes_the_images_and_not_their_number(
    format: str, size: str, weights: dict[str, Path], exported: Callable[..., Path], scores_by_hand: Scores
) -> None:
    run = OPENERS[format](exported("exfuse", format, size)).run
    height, width = map(int, size.split("x"))
    for count in (1, 3):
        assert_scores(run, weights["exfuse"], scores_by_hand, (count, height, width))
    with pytest.raises(Exception, match=r"(?i)guard failed|invalid dimensions"):
        run(photographs(1, height + 1, width))


@pytest.mark.parametrize(("network", "format"), [("gcn", "torch-export"), ("exfuse", "onnx")])
def test_files_describe_themselves_as_the_weights_do(
    network: str, format: str, weights: dict[str, Path], opened: Callable[[str, str], Opened]
) -> None:
    text = opened(network, format).description
    assert text == read_header(weights[network])["__metadata__"]["exfuse"]
    assert SegmenterInfo.model_validate_json(text) == info_of(network)


def test_onnx_has_named_axes_one_opset_and_valid_nodes(exported: Callable[..., Path]) -> None:
    model = onnx.load(exported("exfuse", "onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    values = [*model.graph.input, *model.graph.output]
    axes = [
        [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in values
    ]
    assert [value.name for value in values] == ["images", "scores"]
    assert axes == [["batch", 3, "height", "width"]] * 2
    assert [value.type.tensor_type.elem_type for value in values] == [onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT]


@pytest.mark.parametrize(("network", "format"), [("gcn", "torch-export"), ("exfuse", "onnx")])
def test_nothing_of_the_machine_is_in_a_file(
    network: str, format: str, exported: Callable[..., Path], repo_root: Path
) -> None:
    content = exported(network, format).read_bytes()
    for trace in (str(repo_root), "site-packages", "network.py", str(Path.home())):
        assert trace.encode() not in content, trace


@pytest.mark.slow
@pytest.mark.parametrize("format", list(OPENERS))
def test_equal_weights_are_equal_files(
    format: Any, weights: dict[str, Path], exported: Callable[..., Path], tmp_path: Path
) -> None:
    again = tmp_path / f"again{command.SUFFIX[format]}"
    command.run(weights["gcn"], format, again, None, overwrite=False)
    assert again.read_bytes() == exported("gcn", format).read_bytes()


@pytest.mark.parametrize(
    ("format", "suffix", "version"),
    [
        pytest.param("onnx", ".onnx", "opset 18", marks=pytest.mark.slow),
        ("torch-export", ".pt2", f"torch {torch.__version__.split('+')[0]}"),
    ],
)
def test_says_what_it_wrote_and_nothing_else(
    format: Any,
    suffix: str,
    version: str,
    weights: dict[str, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    own = tmp_path / "weights.safetensors"
    own.write_bytes(weights["gcn"].read_bytes())
    command.run(own, format, None, "64x64", overwrite=False)
    said, complaints = capfd.readouterr()
    file = own.with_suffix(suffix)
    first, second, last = said.splitlines()
    assert (first, second) == ("exporting…", "checking…")
    assert last.startswith(f"{file}: {file.stat().st_size / 1e6:.1f} MB, {version}, images of 64×64; scores differ by ")
    assert last.endswith(" of 12,288 pixels")  # three images of 64×64
    assert complaints == ""
    assert recwarn.list == []


def test_sizes_are_height_and_width() -> None:
    assert command.parse_size("480x640", 512) == (480, 640)
    assert command.parse_size("1×64", 64) == (1, 64)
