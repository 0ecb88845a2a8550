"""The formats: how a traced network is written, and how the written file is run.

Equal weights are equal files, within one version of the libraries: what torch notes about the machine that exported
(paths, lines, names of temporary files) is left out.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor

from exfuse.errors import UserError
from exfuse.spec.weights import METADATA

Program = Callable[[Tensor], Tensor]
"""uint8 images (N, 3, H, W) to scores (N, C, H, W)."""

OPSET = 18
"""Of ONNX: the one that torch's exporter is written in, and old enough for runtimes of 2023."""
LARGEST_ONNX = 2**31 - 2**24
"""Bytes of weights: a protobuf message ends at 2 GiB, and the graph needs some of it."""
IMAGES, SCORES = "images", "scores"
AXES = ("batch", None, "height", "width")
"""Names of the axes that are of any length, in ONNX."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a network down.

    Attributes:
        version: what a reader needs, in words.
        write: puts a traced network and its description (JSON) into a file.
        load: opens a file to run it on the CPU.
    """

    version: str
    write: Callable[[torch.export.ExportedProgram, Path, str], None]
    load: Callable[[Path], Program]


def write_onnx(program: torch.export.ExportedProgram, target: Path, description: str) -> None:
    """Writes one ``.onnx`` file, weights inside; the description is in ``metadata_props``.

    Raises:
        UserError: the weights are more than such a file can hold.
    """
    weights = sum(tensor.numel() * tensor.element_size() for tensor in program.state_dict.values())
    if weights > LARGEST_ONNX:
        raise UserError(
            f"an ONNX file holds at most 2 GB, and the weights are {weights / 1e9:.1f} GB. Use `--format torch-export`."
        )
    exported = torch.onnx.export(
        program, input_names=[IMAGES], output_names=[SCORES], opset_version=OPSET, dynamo=True, verbose=False
    )
    assert exported is not None
    model = exported.model_proto
    _strip(model)
    onnx.helper.set_model_props(model, {METADATA: description})
    target.write_bytes(model.SerializeToString(deterministic=True))


def _strip(model: onnx.ModelProto) -> None:
    """Leaves out what the exporter notes about its own work, and names the axes."""
    graph = model.graph
    del graph.value_info[:], graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*graph.input, *graph.output):
        for dimension, name in zip(value.type.tensor_type.shape.dim, AXES, strict=True):
            if dimension.HasField("dim_param") and name is not None:
                dimension.dim_param = name


def load_onnx(source: Path) -> Program:
    """Opens an ONNX file in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run([SCORES], {IMAGES: images.numpy()})[0])


def write_torch_export(program: torch.export.ExportedProgram, target: Path, description: str) -> None:
    """Writes one ``.pt2`` file; the description is its extra file ``exfuse``."""
    content = io.BytesIO()  # given a path, torch would write the temporary file's name into the archive
    torch.export.save(program, content, extra_files={METADATA: description})
    target.write_bytes(content.getbuffer())


def load_torch_export(source: Path) -> Program:
    """Opens a file of ``torch.export.save``."""
    program: Program = torch.export.load(source).module()
    return program


FORMATS: dict[str, Format] = {
    "onnx": Format(f"opset {OPSET}", write_onnx, load_onnx),
    "torch-export": Format(f"torch {torch.__version__.split('+')[0]}", write_torch_export, load_torch_export),
}
