"""The files that declare the environment say the same, and say it exactly."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][a-zA-Z0-9.+!]*")
DISTRIBUTION_OF_IMPORT = {"PIL": "pillow", "yaml": "pyyaml", "ruamel": "ruamel-yaml", "vl_convert": "vl-convert-python"}


def _normal(requirement: str) -> str:
    """The name of "Ruamel.yaml>=0.18  # why" as the lock writes it: "ruamel-yaml"."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def _requirement_lines(file: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def locked(repo_root: Path) -> dict[str, str]:
    """Version by package name."""
    return dict(line.split("==") for line in _requirement_lines(repo_root / "requirements.lock"))


@pytest.fixture(scope="module")
def project(repo_root: Path) -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    return dict(tomllib.loads((repo_root / "pyproject.toml").read_text())["project"])


@pytest.fixture(scope="module")
def conda(repo_root: Path) -> dict[str, Any]:
    """environment.yml."""
    return dict(yaml.safe_load((repo_root / "environment.yml").read_text()))


def test_every_locked_version_is_exact_and_no_package_stands_twice(repo_root: Path) -> None:
    lines = _requirement_lines(repo_root / "requirements.lock")
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [_normal(line) for line in lines]
    assert names == sorted(set(names))
    assert len(names) > 100


@pytest.mark.parametrize("name", ["requirements.in", "requirements.lock", "environment.yml", "pyproject.toml"])
def test_no_registry_address(repo_root: Path, name: str) -> None:
    text = (repo_root / name).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|--hash|@ ", text)


def test_conda_environment_holds_the_versions_of_the_lock(repo_root: Path, conda: dict[str, Any]) -> None:
    python, pip, with_pip = conda["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert with_pip["pip"] == _requirement_lines(repo_root / "requirements.lock")


def test_direct_dependencies_are_those_of_pyproject_each_with_a_reason(
    repo_root: Path, project: dict[str, Any]
) -> None:
    entries = [line for line in (repo_root / "requirements.in").read_text().splitlines() if line[:1] not in ("", "#")]
    assert [line for line in entries if not re.fullmatch(r"\S+ +# \S.*", line)] == []
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert sorted(map(_normal, entries)) == sorted(map(_normal, declared))


def test_locked_versions_satisfy_pyproject(project: dict[str, Any], locked: dict[str, str]) -> None:
    requirements = pytest.importorskip("packaging.requirements")
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        assert requirements.Requirement(text).specifier.contains(locked[_normal(text)]), text


def test_whatever_the_package_imports_is_a_declared_dependency(repo_root: Path, project: dict[str, Any]) -> None:
    imported = set()
    for file in (repo_root / "exfuse").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"exfuse"}
    needed = {DISTRIBUTION_OF_IMPORT.get(name, name) for name in third_party}
    assert needed <= {_normal(text) for text in project["dependencies"]}


def test_running_environment_has_the_locked_versions(locked: dict[str, str]) -> None:
    installed = {_normal(found.metadata["Name"]): found.version for found in metadata.distributions()}
    both = installed.keys() & locked.keys()
    assert {"torch", "snakemake", "dvc"} <= both
    assert {name: installed[name] for name in both} == {name: locked[name] for name in both}


def test_citation_names_the_version_and_the_licence(repo_root: Path, project: dict[str, Any]) -> None:
    from exfuse import __version__

    citation = yaml.safe_load((repo_root / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert citation["license"] == project["license"]


class TestMakingTheEnvironment:
    """`.ci/environment` with an interpreter that notes what it is asked for instead of installing 6 GB."""

    @pytest.fixture
    def clone(self, tmp_path: Path, repo_root: Path) -> Path:
        """A folder with the script, a lock, and `interpreter`, which writes its arguments to `calls` there."""
        (tmp_path / ".ci").mkdir()
        shutil.copy(repo_root / ".ci" / "environment", tmp_path / ".ci" / "environment")
        (tmp_path / "requirements.lock").write_text("# made by hand\nnumpy==2.0.0   # via torch\nuv==0.6.0\n")
        fake = tmp_path / "interpreter"
        fake.write_text(
            "#!/bin/bash\n"
            'echo "$*" >> calls\n'
            'case "$*" in\n'
            '  *_base_executable*) echo "$0" ;;\n'
            '  "-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/uv" ;;\n'
            '  "pip install"*) exit ${UV_EXIT:-0} ;;\n'
            '  *"pip install"*requirements.lock) exit ${PIP_EXIT:-0} ;;\n'
            "esac\n"
        )
        fake.chmod(0o755)
        return tmp_path

    def make(self, clone: Path, **settings: str) -> tuple[int, str, list[str]]:
        """Exit code, everything printed, and the calls of the interpreter that install something."""
        calls = clone / "calls"
        calls.write_text("")
        ran = subprocess.run(
            [clone / ".ci" / "environment"],
            env={"PATH": os.environ["PATH"], "PYTHON": str(clone / "interpreter"), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ran.returncode, ran.stdout, [line for line in calls.read_text().splitlines() if "pip install" in line]

    def test_installs_the_lock_with_its_own_uv_then_the_package(self, clone: Path) -> None:
        code, said, calls = self.make(clone)
        assert code == 0
        assert [line[:5] for line in said.splitlines()] == ["[1/3]", "[2/3]", "[3/3]", " " * 5]
        assert calls == [
            "-m pip install -qq --no-deps uv==0.6.0",
            f"pip install -q --python {clone}/.venv/bin/python --no-deps --compile-bytecode -r requirements.lock",
            "-m pip install -qq --no-deps --no-build-isolation --editable .",
        ]

    def test_does_nothing_twice_whatever_the_clocks_and_comments_say(self, clone: Path) -> None:
        self.make(clone)
        lock = clone / "requirements.lock"
        lock.write_text(lock.read_text().replace("# made by hand", "# another comment"))
        os.utime(lock, (2e9, 2e9))
        assert self.make(clone) == (0, "", [])

    def test_starts_afresh_when_a_version_changed(self, clone: Path) -> None:
        self.make(clone)
        (clone / ".venv" / "left-over").touch()
        lock = clone / "requirements.lock"
        lock.write_text(lock.read_text().replace("numpy==2.0.0", "numpy==2.0.1"))
        code, said, calls = self.make(clone)
        assert (code, len(calls)) == (0, 3)
        assert "removing .venv" in said
        assert not (clone / ".venv" / "left-over").exists()

    def test_starts_afresh_where_the_folder_was_moved(self, clone: Path) -> None:
        self.make(clone)
        moved = clone / "elsewhere"
        moved.mkdir()
        for name in (".ci", ".venv", "requirements.lock", "interpreter"):
            shutil.move(clone / name, moved / name)
        code, said, calls = self.make(moved)
        assert (code, len(calls)) == (0, 3)
        assert "removing .venv" in said

    def test_falls_back_to_pip(self, clone: Path) -> None:
        code, said, calls = self.make(clone, UV_EXIT="2")
        assert code == 0
        assert "the same with pip" in said
        assert calls[2:] == [
            "-m pip install -qq --no-deps -r requirements.lock",
            "-m pip install -qq --no-deps --no-build-isolation --editable .",
        ]

    def test_leaves_no_half_made_environment(self, clone: Path) -> None:
        code, said, _ = self.make(clone, UV_EXIT="2", PIP_EXIT="1")
        assert code == 1
        assert "not finished" in said
        assert not (clone / ".venv").exists()

    def test_a_killed_attempt_is_made_again(self, clone: Path) -> None:
        self.make(clone)
        (clone / ".venv" / ".made-from").unlink()
        code, said, calls = self.make(clone)
        assert (code, len(calls)) == (0, 3)
        assert "unfinished" in said

    def test_says_when_there_is_no_python(self, clone: Path) -> None:
        code, said, _ = self.make(clone, PYTHON="python2.0")
        assert code == 1
        assert "No Python 3.11 or newer found (tried: python2.0)" in said
        assert not (clone / ".venv").exists()
