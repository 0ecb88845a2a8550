"""Whether what ``params/fidelity/`` names exists (parts, paths, runs, tables, claims, code and tests), and whether the
preset has the values that the papers state."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from exfuse.errors import UserError
from exfuse.files import read_bytes
from exfuse.spec.fidelity import ORIGIN, Section, Sentence, without_stage
from exfuse.spec.graph.reporting import FIGURES
from exfuse.spec.names import require
from exfuse.spec.settings import Stages
from exfuse.spec.spec import Spec

FOLDER = Path("params/fidelity")


def check_references(spec: Spec, sections: Mapping[str, Section]) -> None:
    """Checks every name and every stated value, and that no part and no hyper-parameter is left out.

    Args:
        spec: at the preset whose ledger is to be covered.
        sections: of ``sentences.yaml``.

    Raises:
        UserError: a name does not exist, what is listed as a test is none, a path of the ledger is not covered, its
            value or source is not what the papers state, or no sentence leads to a reading.
    """
    paths = {without_stage(entry.path)[0] for entry in spec.ledger}
    _check_paths(spec, paths)
    _check_values(spec)
    for name, part in spec.fidelity.parts.items():
        where = f"{FOLDER / 'parts.yaml'}: {name}"
        for path in part.hyperparameters:
            require(path, paths, "hyper-parameter", where)
        if part.figure:
            require(part.figure, FIGURES, "figure", where)
        for reference in (*part.code, *part.tests):
            _check_symbol(spec.root, reference, where)
        for reference in part.tests:
            _check_test(reference, where)
    _check_sentences(spec, paths, sections)


def _check_paths(spec: Spec, paths: Iterable[str]) -> None:
    file = FOLDER / "hyperparameters.yaml"
    declared = (*spec.fidelity.hyperparameters.stated, *spec.fidelity.hyperparameters.silent)
    for path in declared:
        require(path, paths, "hyper-parameter", f"{file}")
    for path in sorted(set(paths) - set(declared)):
        raise UserError(
            f"{file}: '{path}' of preset '{spec.preset.name}' stands nowhere. "
            "Say under `stated` what the papers say of it, or list it under `silent`."
        )


def _check_values(spec: Spec) -> None:
    """The preset has what the papers state, names who states it, and names neither where it states nothing."""
    file = FOLDER / "hyperparameters.yaml"
    stated = spec.fidelity.hyperparameters.stated
    for name, one in stated.items():
        for stage in one.stages:
            require(stage, Stages.model_fields, "stage", f"{file}: {name}")
    for entry in spec.ledger:
        path, stage = without_stage(entry.path)
        values = stated[path].of_stage(stage) if path in stated else {}
        where = f"preset '{spec.preset.name}': {entry.path}"
        for origin, value in values.items():
            if entry.value != value:
                raise UserError(f"{where} is {entry.value}, but by {file} {origin} states {value}.")
        named = set(ORIGIN.findall(entry.source))
        for origin in sorted(named - set(values)):
            raise UserError(
                f"{where} has the source '{entry.source}', but by {file} {origin} states no value of it. "
                "Give the value there, under `values`, or mark it as an assumption."
            )
        if values and not named:
            raise UserError(
                f"{where} has the source '{entry.source}', but by {file} {' and '.join(values)} states it. Name where."
            )


def _check_sentences(spec: Spec, paths: Iterable[str], sections: Mapping[str, Section]) -> None:
    rows = [f"{name}/{row.label}" for name, table in spec.tables.items() for row in table.rows]
    readings = spec.fidelity.readings()
    valid: dict[str, Iterable[str]] = {
        "parts": spec.fidelity.parts,
        "readings": readings,
        "hyperparameters": paths,
        "runs": spec.runs,
        "tables": (*spec.tables, *rows),
        "figures": FIGURES,
        "claims": spec.claims,
    }
    reached: set[str] = {name for name, part in spec.fidelity.parts.items() if part.outside}
    for where, sentence in _sentences(sections):
        for kind, names in valid.items():
            for name in getattr(sentence, kind):
                require(name, names, kind.removesuffix("s"), where)
        reached |= {*sentence.parts, *sentence.readings}
    for name in readings:
        if name not in reached and name.partition(".")[0] not in reached:
            raise UserError(
                f"{FOLDER / 'parts.yaml'}: no sentence of sentences.yaml leads to reading '{name}'. "
                "Name it there, or say in `outside` of what it is a part."
            )


def _sentences(sections: Mapping[str, Section]) -> Iterable[tuple[str, Sentence]]:
    for number, section in sections.items():
        for title, sentences in section.paragraphs.items():
            for sentence in sentences:
                yield f"{FOLDER / 'sentences.yaml'}: §{number}, {title}, '{sentence.first} …'", sentence


def _check_symbol(root: Path, reference: str, where: str) -> None:
    file, _, symbol = reference.partition("::")
    if not (root / file).is_file():
        raise UserError(f"{where}: there is no file {file}.")
    names = _names(root / file) if symbol else [symbol]
    if symbol in names:
        return
    for other in sorted((root / file).parent.glob("*.py")):
        if symbol in _names(other):
            raise UserError(f"{where}: '{symbol}' is not in {file}, but in {other.relative_to(root)}.")
    require(symbol, names, f"name of {file}", where)


def _check_test(reference: str, where: str) -> None:
    file, _, symbol = reference.partition("::")
    if not file.startswith("tests/") or not symbol.rpartition(".")[2].startswith("test_"):
        raise UserError(f"{where}: '{reference}' is no test. Name one as tests/<file>.py::test_<what>.")


def _names(file: Path) -> list[str]:
    try:
        return _symbols(ast.parse(read_bytes(file)))
    except SyntaxError as error:
        raise UserError(f"{file}, line {error.lineno}: is no Python ({error.msg}).") from error


def _symbols(node: ast.AST, prefix: str = "") -> list[str]:
    """Names that a module defines, and those of its classes after the class's."""
    found: list[str] = []
    for child in getattr(node, "body", ()):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            found.append(prefix + child.name)
        if isinstance(child, ast.ClassDef):
            found += _symbols(child, f"{prefix}{child.name}.")
        targets = child.targets if isinstance(child, ast.Assign) else [getattr(child, "target", None)]
        found += [prefix + target.id for target in targets if isinstance(target, ast.Name)]
    return found
