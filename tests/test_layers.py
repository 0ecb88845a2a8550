"""The layers of docs/architecture.md, held against every import of the package."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WITHOUT_TORCH = (
    "exfuse.spec", "exfuse.planning", "exfuse.reporting", "exfuse.cli", "exfuse.bridge", "exfuse.data.preparation",
)  # fmt: skip
HEAVY = {"torch", "torchvision", "timm"}


def layers(repo_root: Path) -> list[list[str]]:
    """The packages of each layer, as the document draws them, from the one that may import all others."""
    (line,) = re.findall(r"^(\{cli.*→.*)$", (repo_root / "docs" / "architecture.md").read_text(), flags=re.M)
    return [re.findall(r"\w+", layer) for layer in line.split("→")]


@pytest.fixture(scope="module")
def modules(repo_root: Path) -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    found = {}
    for file in sorted((repo_root / "exfuse").rglob("*.py")):
        parts = file.relative_to(repo_root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(file.read_text())
    return found


def imported(node: ast.AST, modules: dict[str, ast.Module]) -> Iterator[str]:
    """What an import statement names: modules, and for `from package import module` that module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0 and node.module is not None, f"line {node.lineno}: a relative import"
        names = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name if name in modules else node.module for name in names)


def test_the_document_names_every_package_once(repo_root: Path, modules: dict[str, ast.Module]) -> None:
    named = [name for layer in layers(repo_root) for name in layer]
    assert sorted(named) == sorted({name.split(".")[1] for name in modules if "." in name})


def test_imports_point_one_way(repo_root: Path, modules: dict[str, ast.Module]) -> None:
    depth = {name: number for number, layer in enumerate(layers(repo_root)) for name in layer}
    wrong, count = [], 0
    for module, tree in modules.items():
        if "." not in module:
            continue  # exfuse/__init__.py stands outside: `exfuse.load` is its users' way in
        own = module.split(".")[1]
        for node in ast.walk(tree):
            for name in imported(node, modules):
                package, _, rest = name.partition(".")
                other = rest.partition(".")[0]
                if package == "exfuse" and other not in ("", own):
                    count += 1
                    if depth[other] <= depth[own]:
                        wrong.append(f"{module}, line {node.lineno}: {name}")
    assert count > 300
    assert wrong == []


def test_no_torch_where_it_is_not_needed(repo_root: Path) -> None:
    """Not through another module either."""
    program = (
        "import importlib, pkgutil, sys\n"
        f"for name in {WITHOUT_TORCH}:\n"
        "    module = importlib.import_module(name)\n"
        "    below = [one.name for one in pkgutil.walk_packages(getattr(module, '__path__', ()), name + '.')]\n"
        "    [importlib.import_module(one) for one in below if not one.endswith('__main__')]\n"
        f"    assert not {HEAVY} & set(sys.modules), name\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
