"""The RO-Crate as a whole: held against the Workflow Run Crate profile by its own validator."""

import dataclasses
import re

import pytest

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.reporting.crate import write_crate
from exfuse.spec.load import load
from exfuse.spec.manifest import provenance_file
from tests.reporting.crate.reading import CONTEXT, as_list, crate_of, issues, references


@pytest.mark.slow
def test_crate_of_a_whole_reproduction_is_valid(clone, no_network):
    clone.everything()
    write_crate(clone.graph)
    assert issues(clone.graph.layout.base) == []
    assert set(no_network) == {CONTEXT}


def test_crate_of_a_partial_reproduction_is_valid(clone, no_network):
    clone.backbone("resnet50", 0.2)
    clone.run("gcn-resnet50", 0.4)
    entities = crate_of(clone)
    assert issues(clone.graph.layout.base) == []
    made = [one for one in entities.values() if one["@type"] == "CreateAction"]
    assert len(made) == 1 + 3
    assert f"3 of {len(clone.graph.jobs) - 1} jobs are made" in entities["./"]["description"]


def test_data_that_no_job_reads_are_not_waited_for(repo_root, clone):
    voc = type(clone)(dataclasses.replace(load(repo_root, "voc"), root=clone.spec.root))
    voc.backbone("resnet101", 0.2)
    read = {other for job in voc.graph.jobs.values() for other in (*job.upstream, *job.after)}
    unread = [name for name in voc.graph.jobs if name.startswith("data/") and name not in read]
    assert unread
    assert f"1 of {len(voc.graph.jobs) - 1 - len(unread)} jobs are made" in crate_of(voc)["./"]["description"]


def test_the_validator_finds_what_is_missing(clone, no_network):
    """Of the crate's own: a workflow that is not there, an action without an instrument."""
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    del entities["#job/backbones/resnet50"]["instrument"]
    content = read_json(clone.graph.layout.crate)
    write_json(clone.graph.layout.crate, {**content, "@graph": list(entities.values())})
    clone.graph.layout.source("Snakefile").unlink()
    found = " ".join(issues(clone.graph.layout.base))
    assert "MUST have an instrument" in found
    assert "Snakefile" in found


def test_every_reference_leads_somewhere(clone):
    clone.everything()
    entities = crate_of(clone)
    outside = {"https://w3id.org/ro/crate/1.1", "https://doi.org/10.1093/bioinformatics/bts480"}
    outside.add("https://snakemake.readthedocs.io")
    found = set()
    for entity in entities.values():
        for value in entity.values():
            found |= {one["@id"] for one in as_list(value) if isinstance(one, dict)}
    assert found - set(entities) == outside
    base = clone.graph.layout.base
    files = [name for name, one in entities.items() if "File" in as_list(one["@type"])]
    assert all((base / name).is_file() for name in files)
    assert references(entities["./"]["hasPart"]) == set(files)


def test_the_same_results_give_the_same_bytes(clone, tmp_path):
    clone.backbone("resnet50", 0.2)
    write_crate(clone.graph)
    first = clone.graph.layout.crate.read_bytes()
    write_crate(clone.graph)
    assert clone.graph.layout.crate.read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_hostile_words_stay_words(clone):
    hostile = "</script><script>alert('1')</script> \"quotes\" 标签 ../../x"
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    write_json(file, {**read_json(file), "code": hostile, "host": hostile, "libraries": {hostile: hostile}})
    spec = dataclasses.replace(clone.spec, preset=clone.spec.preset.model_copy(update={"description": hostile}))
    entities = crate_of(type(clone)(spec))
    assert all(re.fullmatch(r"[\w#./:%~&=+-]+", name) for name in entities)
    assert hostile in entities["./"]["description"]


def test_nothing_made_is_a_message(clone):
    with pytest.raises(UserError, match=r"nothing of preset 'mini' was made yet"):
        write_crate(clone.graph)
    assert not clone.graph.layout.crate.exists()


def test_without_the_repositorys_files_it_says_what_is_missing(clone):
    clone.backbone("resnet50", 0.2)
    (clone.spec.root / "Snakefile").unlink()
    with pytest.raises(UserError, match="Snakefile is not there"):
        write_crate(clone.graph)
    (clone.spec.root / "CITATION.cff").write_text("title: [")
    with pytest.raises(UserError, match=r"CITATION\.cff cannot be understood"):
        write_crate(clone.graph)
    assert not clone.graph.layout.crate.exists()
