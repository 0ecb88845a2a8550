"""Weights as data: safetensors, with what they are in the file's own metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from exfuse.errors import UserError
from exfuse.files import atomic_path


def save_weights(target: Path, state: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Writes a state dict atomically.

    Args:
        target: the ``.safetensors`` file.
        state: tensors by name.
        about: JSON data, each entry kept as text in the metadata.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {name: json.dumps(value, sort_keys=True) for name, value in about.items()}
    with atomic_path(target) as temporary:
        save_file(tensors, temporary, metadata)


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
