"""YAML of ``params/`` as plain trees, with the file of every key kept for messages."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from exfuse.errors import UserError

Tree = dict[str, Any]
KeyPath = tuple[str, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, with repeated keys refused: YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is no text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' stands twice", key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read(source: Path) -> Tree:
    """Reads a YAML file whose top level is a mapping with string keys.

    Raises:
        UserError: the file is absent, unreadable, no YAML, or of another shape.
    """
    try:
        with open(source, encoding="utf-8") as stream:
            tree = yaml.load(stream, Loader=_Loader)
    except OSError as error:
        raise UserError(f"{source}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: is not UTF-8 text ({error}).") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UserError(f"{source}{line}: {problem.removesuffix('.')}.") from error
    if not isinstance(tree, dict):
        raise UserError(f"{source}: has to be a mapping of keys to values.")
    _require_string_keys(tree, source, ())
    return tree


def _require_string_keys(tree: Tree, source: Path, at: KeyPath) -> None:
    for key, value in tree.items():
        if not isinstance(key, str):
            raise UserError(f"{source}: key {key!r} under '{'.'.join(at)}' is not text; put it in quotes.")
        if isinstance(value, dict):
            _require_string_keys(value, source, (*at, key))


def is_sourced(value: Any) -> bool:
    """Whether a tree is a hyper-parameter with its source rather than a group of them."""
    return isinstance(value, dict) and "value" in value


def merge(base: Tree, changes: Tree) -> Tree:
    """``base`` with ``changes`` laid over it; groups merge, values (and hyper-parameters) are replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both_groups = (
            isinstance(old, dict) and isinstance(value, dict) and not is_sourced(old) and not is_sourced(value)
        )
        merged[key] = merge(old, value) if both_groups else value  # type: ignore[arg-type]
    return merged


def origins(tree: Tree, source: Path, at: KeyPath = ()) -> dict[KeyPath, Path]:
    """The file of every key of a tree."""
    found: dict[KeyPath, Path] = {}
    for key, value in tree.items():
        found[(*at, key)] = source
        if isinstance(value, dict):
            found.update(origins(value, source, (*at, key)))
    return found
