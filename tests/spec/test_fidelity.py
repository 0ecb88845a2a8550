"""Fidelity: every name in `params/fidelity/` exists, and nothing is left out."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exfuse.errors import UserError
from exfuse.spec.fidelity import (
    Fidelity,
    Sentence,
    Stated,
    StatedHyperparameters,
    Statement,
    without_stage,
)
from exfuse.spec.load import sections
from exfuse.spec.references import check_references
from exfuse.spec.spec import Spec
from tests.params import Params
from tests.spec.fidelity_cases import part, section3


def with_part(spec: Spec, **changes: Any) -> Spec:
    return dataclasses.replace(spec, fidelity=spec.fidelity.model_copy(update={"parts": {"dap": part(**changes)}}))


def test_every_name_of_the_repository_exists(paper: Spec, repo_root: Path) -> None:
    check_references(paper, sections(repo_root))


def test_names_that_exist(small: Spec) -> None:
    check_references(small, section3(readings=("dap.border",), runs=("exfuse",), tables=("table1", "table1/{4}")))


@pytest.mark.parametrize(
    ("leads", "message"),
    [
        ({"parts": ("dab",)}, "unknown part 'dab'; did you mean 'dap'?"),
        ({"readings": ("dap.boarder",)}, "unknown reading 'dap.boarder'; did you mean 'dap.border'?"),
        (
            {"hyperparameters": ("decoder.dap_kernal",)},
            "unknown hyperparameter 'decoder.dap_kernal'; did you mean 'decoder.dap_kernel'?",
        ),
        ({"runs": ("exfuze",)}, "unknown run 'exfuze'; did you mean 'exfuse'?"),
        ({"tables": ("table9",)}, "unknown table 'table9'; did you mean 'table"),
        ({"tables": ("table3/8",)}, "unknown table 'table3/8'; did you mean 'table3/"),
        ({"figures": ("figure8",)}, "unknown figure 'figure8'; did you mean 'figure"),
        ({"claims": ("dab",)}, "unknown claim 'dab'; did you mean 'dap'?"),
    ],
)
def test_a_sentence_that_leads_nowhere_is_named_with_the_nearest(
    small: Spec, leads: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        check_references(small, section3(**leads))
    assert str(error.value).startswith("params/fidelity/sentences.yaml: §3.2, P, 'We use …': ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hyperparameters": ("decoder.dap",)}, "unknown hyper-parameter 'decoder.dap'; did you mean 'decoder.dap_ker"),
        ({"code": ("exfuse/models/dab.py::X",)}, "there is no file exfuse/models/dab.py"),
        (
            {"code": ("exfuse/models/dap.py::DenselyAdjacentPrediction.forwards",)},
            "did you mean 'DenselyAdjacentPrediction.forward'?",
        ),
        (
            {"tests": ("tests/models/test_dap.py::test_boundary_refinement_is_residual",)},
            "is not in tests/models/test_dap.py, but in tests/models/test_parts.py",
        ),
        ({"tests": ("tests/trained.py::write_weights",)}, "'tests/trained.py::write_weights' is no test"),
        ({"tests": ("tests/models/test_dap.py",)}, "'tests/models/test_dap.py' is no test"),
        ({"tests": ("exfuse/models/dap.py::DenselyAdjacentPrediction",)}, "is no test. Name one as tests/<file>.py::"),
    ],
)
def test_what_a_part_names_and_does_not_exist(small: Spec, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        check_references(with_part(small, **changes), section3())
    assert str(error.value).startswith("params/fidelity/parts.yaml: dap: ")
    assert message in str(error.value)


def test_a_constant_a_method_and_a_whole_file_are_found(small: Spec) -> None:
    code = ("exfuse/models/dap.py::LOW_PRECISION", "exfuse/spec/model.py::Level", "exfuse/spec/names.py")
    check_references(with_part(small, code=code), section3())
    check_references(with_part(small, code=("exfuse/spec/model.py::ModelSpec.width",)), section3())


def test_code_that_is_no_python(small: Spec, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    broken = dataclasses.replace(with_part(small, code=("broken.py::f",)), root=tmp_path)
    with pytest.raises(UserError, match=r"broken\.py, line 1: is no Python"):
        check_references(broken, section3())


def test_a_reading_to_which_no_sentence_leads(small: Spec) -> None:
    elsewhere = section3(parts=(), hyperparameters=("decoder.dap_kernel",))
    with pytest.raises(UserError, match=r"no sentence .* leads to reading 'dap\.border'"):
        check_references(small, elsewhere)
    check_references(with_part(small, outside="§4"), elsewhere)
    check_references(small, section3(parts=(), readings=("dap.border",)))


def test_a_hyper_parameter_that_stands_nowhere(small: Spec) -> None:
    declared = small.fidelity.hyperparameters
    silent = tuple(path for path in declared.silent if path != "normalization.std")
    lacking = Fidelity(parts=small.fidelity.parts, hyperparameters=declared.model_copy(update={"silent": silent}))
    with pytest.raises(
        UserError, match=r"hyperparameters\.yaml: 'normalization\.std' of preset 'paper' stands nowhere"
    ):
        check_references(dataclasses.replace(small, fidelity=lacking), section3())


def test_a_hyper_parameter_that_the_preset_has_not(small: Spec) -> None:
    declared = small.fidelity.hyperparameters
    more = declared.model_copy(update={"silent": (*declared.silent, "decoder.kernel")})
    spec = dataclasses.replace(small, fidelity=small.fidelity.model_copy(update={"hyperparameters": more}))
    with pytest.raises(UserError, match=r"unknown hyper-parameter 'decoder\.kernel'"):
        check_references(spec, section3())


def test_from_every_hyper_parameter_a_part_leads_to_code_and_tests(paper: Spec) -> None:
    declared = paper.fidelity.hyperparameters
    in_parts = {path for one in paper.fidelity.parts.values() for path in one.hyperparameters}
    assert {*declared.stated, *declared.silent} - in_parts == set()


def test_stages_share_a_path() -> None:
    assert without_stage("fine_tuning.coco.optimizer.name") == ("fine_tuning.optimizer.name", "coco")
    assert without_stage("pretraining.steps") == ("pretraining.steps", "")


def quotation(words: int) -> Statement:
    return Statement(where="§3", says=" ".join(["word"] * words))


def test_quotations_are_short() -> None:
    assert len(quotation(15).says.split()) == 15
    with pytest.raises(ValidationError, match="at most 15 words, not 16"):
        quotation(16)
    with pytest.raises(ValidationError, match="at most 15 of its words"):
        Sentence(first="word " * 16, parts=("dap",))


@pytest.mark.parametrize("given", [{}, {"says": "a", "prints": "b"}])
def test_a_statement_says_or_prints(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give either"):
        Statement.model_validate({"where": "§3", **given})
    assert Statement(where="§3", says="a").shown == "“a”"
    assert Statement(where="§3", prints="76.0%").shown == "76.0%"


@pytest.mark.parametrize(
    "given", [{}, {"tables": ("table1",), "runs": ("exfuse",), "claims": ("dap",), "figures": ("figure2",)}]
)
def test_a_sentence_leads_to_a_part_a_reading_or_a_hyper_parameter(given: dict[str, Any]) -> None:
    """From runs, tables, figures and claims alone nothing leads to code and tests."""
    with pytest.raises(ValidationError, match="leads to a part, a reading or a hyper-parameter, or says in `nothing`"):
        Sentence.model_validate({"first": "We use", **given})


@pytest.mark.parametrize("given", [{"parts": ("dap",)}, {"tables": ("table1",)}])
def test_a_sentence_that_says_nothing_leads_nowhere(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="says no `nothing`"):
        Sentence.model_validate({"first": "We use", "nothing": "related work", **given})


def test_a_sentence_that_leads_to_tables_alone_is_named(params: Params) -> None:
    text = params.file("fidelity/sentences.yaml").read_text()
    entry = "{first: At the beginning of Sec, parts: [level-subsets, tables-and-claims], tables: [table1]}"
    assert entry in text
    changed = text.replace(entry, "{first: At the beginning of Sec, tables: [table1]}")
    params.file("fidelity/sentences.yaml").write_text(changed)
    with pytest.raises(UserError, match=r"sentences\.yaml: .*leads to a part, a reading or a hyper-parameter"):
        sections(params.root)


def test_a_result_leads_to_what_makes_it(repo_root: Path) -> None:
    """Who reads a number or a verdict finds the code of tables and claims, and that of what was measured."""
    for section in sections(repo_root).values():
        for listed in section.paragraphs.values():
            for one in listed:
                if one.tables or one.claims:
                    assert "tables-and-claims" in one.parts, one.first
                    assert len(one.parts) > 1 or one.readings or one.hyperparameters, one.first


def test_a_path_stands_once_and_silence_is_listed() -> None:
    stated = Stated(gcn="7 pixels")
    with pytest.raises(ValidationError, match=r"'decoder\.gcn_kernel' stands twice"):
        StatedHyperparameters(stated={"decoder.gcn_kernel": stated}, silent=("decoder.gcn_kernel",))
    with pytest.raises(ValidationError, match="list it under `silent`"):
        Stated()


def test_a_mistake_in_a_part_names_file_and_key(params: Params) -> None:
    params.put("fidelity/parts.yaml", "dap.redings", {})
    with pytest.raises(UserError, match=r"parts\.yaml: unknown key 'dap\.redings'; did you mean 'readings'\?"):
        params.load("mini")


def test_section_3_is_no_part_of_what_jobs_read(params: Params) -> None:
    params.file("fidelity/sentences.yaml").unlink()
    assert params.load("mini").fidelity.parts
    with pytest.raises(UserError, match=r"sentences\.yaml: cannot be read"):
        sections(params.root)
