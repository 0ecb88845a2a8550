"""Weights as data: safetensors, with what they are in the file's own metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from exfuse.errors import UserError
from exfuse.files import write_bytes

METADATA = "exfuse"


def save_weights(target: Path, state: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Writes a state dict atomically.

    Args:
        target: the ``.safetensors`` file.
        state: tensors by name.
        about: JSON data, kept as one text in the metadata: safetensors writes several in any order, and equal weights
            have to be equal files.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(target, save(tensors, {METADATA: json.dumps(about, sort_keys=True)}))


def load_weights(source: Path) -> dict[str, Tensor]:
    """Reads a state dict.

    Raises:
        UserError: the file is absent, cut short or no safetensors file.
    """
    try:
        return load_file(source)
    except FileNotFoundError as error:
        raise UserError(f"{source} is missing. Make it, or fetch it from where the results came from.") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"{source} is no readable safetensors file ({error}). Delete it and run again.") from error
