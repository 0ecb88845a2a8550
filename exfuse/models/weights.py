"""Weights as data: safetensors, with what they are in the file's own metadata (:mod:`exfuse.spec.weights`)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from exfuse.errors import UserError
from exfuse.files import write_bytes
from exfuse.models.matching import differences, not_finite
from exfuse.models.meta import without_values
from exfuse.models.segmenter import Segmenter, build
from exfuse.spec.weights import METADATA, SegmenterInfo, WeightsInfo, read_header, read_segmenter_info


def save_weights(target: Path, state: Mapping[str, Tensor], info: WeightsInfo) -> None:
    """Writes a state dict atomically.

    Args:
        target: the ``.safetensors`` file.
        state: tensors by name.
        info: what they are; equal weights with equal words are equal files.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(target, save(tensors, {METADATA: info.model_dump_json()}))


def load_weights(source: Path) -> dict[str, Tensor]:
    """Reads a state dict, of any program.

    Raises:
        UserError: the file is absent, cut short, a pickle, or no safetensors file.
    """
    read_header(source)
    try:
        return load_file(source)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{source} is no readable safetensors file ({error}). Fetch or make it again.") from error


def load_model(source: Path, device: torch.device | str = "cpu") -> tuple[Segmenter, SegmenterInfo]:
    """The network that a file describes, with its weights, in evaluation mode.

    Raises:
        UserError: the file is unreadable, holds no segmentation network, other tensors than it says (a copy at half
            precision is one), or a value that is infinite or no number.
    """
    info = read_segmenter_info(source)
    state = load_weights(source)
    with without_values():
        model = build(info.model).float()  # whatever torch's default type is
    found = differences(model.state_dict(), state, same_types=True)
    if found:
        raise UserError(
            f"the tensors of {source} are not those of the network that it describes ({found}). Fetch or make it again."
        )
    if name := not_finite(state):
        raise UserError(
            f"{source} is of no use: {name} has values that are infinite or no numbers, so the training failed or the "
            "file was damaged. Fetch or make it again."
        )
    model.load_state_dict(state, assign=True)
    return model.to(device).eval(), info
