"""From plain trees to typed objects, and from pydantic's errors to one sentence with file, key and nearest name."""

import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from exfuse.errors import UserError
from exfuse.spec.base import Hyperparameters, LedgerEntry, Sourced
from exfuse.spec.names import nearest
from exfuse.spec.yaml import KeyPath, Tree, is_sourced

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], tree: Tree, files: Mapping[KeyPath, Path], fallback: Path, at: KeyPath = ()) -> M:
    """A typed, frozen object from a tree of ``params/``.

    Args:
        model: the class to build.
        tree: what YAML gave.
        files: the file of every key.
        fallback: the file to name where ``files`` has none.
        at: where ``tree`` hangs in its file.

    Raises:
        UserError: a key is unknown or missing, or a value is of another type or out of range.
    """
    try:
        return model.model_validate_json(json.dumps(tree), strict=True)
    except TypeError as error:
        raise UserError(
            f"{fallback}: {'.'.join(at) or 'file'} holds a value that is no plain data ({error})."
        ) from error
    except ValidationError as error:
        raise UserError(_sentence(error, model, files, fallback, at)) from error


def split_sources(
    tree: Tree, files: Mapping[KeyPath, Path], fallback: Path, at: KeyPath = ()
) -> tuple[Tree, list[LedgerEntry]]:
    """Separates a preset's values from where they come from.

    Args:
        tree: a preset, or a group of it.
        files: the file of every key.
        fallback: the file to name where ``files`` has none.
        at: where ``tree`` hangs in the preset.

    Raises:
        UserError: a hyper-parameter has no source, or an assumption no reason.
    """
    plain: Tree = {}
    ledger: list[LedgerEntry] = []
    for key, value in tree.items():
        path = (*at, key)
        if is_sourced(value):
            entry = validate(Sourced, value, files, fallback, path)
            ledger.append(LedgerEntry(path=".".join(path), **entry.model_dump()))
            plain[key] = entry.value
        elif isinstance(value, dict):
            plain[key], entries = split_sources(value, files, fallback, path)
            ledger += entries
        else:
            plain[key] = value
    return plain, ledger


def require_sources(
    declared: BaseModel, ledger: list[LedgerEntry], files: Mapping[KeyPath, Path], fallback: Path
) -> None:
    """Checks that every value of a hyper-parameter group that ``params/`` sets says where it comes from.

    Raises:
        UserError: one does not.
    """
    sourced = {entry.path for entry in ledger}

    def walk(group: BaseModel, at: KeyPath) -> None:
        for name in group.model_fields_set:
            value, path = getattr(group, name), (*at, name)
            if isinstance(value, BaseModel):
                walk(value, path)
            elif isinstance(group, Hyperparameters) and ".".join(path) not in sourced:
                raise UserError(
                    f"{files.get(path, fallback)}: {'.'.join(path)} has no source; write {{value: {value}, source: …}} "
                    "with the paper's section, or `assumption` and `why`."
                )

    walk(declared, ())


def _sentence(
    error: ValidationError, model: type[BaseModel], files: Mapping[KeyPath, Path], fallback: Path, at: KeyPath
) -> str:
    first = error.errors()[0]
    location = tuple(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    path = (*at, *location)
    file = next((files[path[:n]] for n in range(len(path), 0, -1) if path[:n] in files), fallback)
    key = ".".join(path) or "file"
    if first["type"] == "extra_forbidden":
        container = _fields_at(model, location[:-1])
        return f"{file}: unknown key '{key}'; {nearest(location[-1], container)}"
    if first["type"] == "missing":
        return f"{file}: key '{key}' is missing."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{file}: {key}: {message}." if path else f"{file}: {message}."
    return f"{file}: {key} = {first['input']!r}: {message}."


def _fields_at(model: type[BaseModel], location: tuple[str, ...]) -> list[str]:
    """The valid keys of the group at ``location`` below ``model``."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation if part in current.model_fields else None
        else:  # a mapping or a list: its last type argument is that of the values
            current = next((a for a in reversed(typing.get_args(current)) if a is not Ellipsis), None)
        if typing.get_origin(current) in (types.UnionType, typing.Union):
            current = next((a for a in typing.get_args(current) if a is not type(None)), None)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []
