"""The RO-Crate: held against the Workflow Run Crate profile by its own validator, and against what jobs left behind."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
import requests
import rocrate
from rocrate_validator import models, services

from exfuse.errors import UserError
from exfuse.files import read_json, write_json
from exfuse.reporting.crate import write_crate
from exfuse.reporting.crate.parts import format_of
from exfuse.spec.graph import Graph
from exfuse.spec.graph.reporting import WORKFLOW
from exfuse.spec.load import load
from exfuse.spec.manifest import provenance_file

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own use of it
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
BIOSCHEMAS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
"""Terms that mean another thing in RO-Crate 1.3, whose context the library holds, than in 1.1."""
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-2, appendix B.1."""


@pytest.fixture
def clone(results, repo_root):
    """Results in a folder that holds what the crate copies from the repository."""
    root = results.spec.root
    for name in ("CITATION.cff", *WORKFLOW):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repo_root / name, root / name)
    return results


@pytest.fixture
def no_network(monkeypatch):
    """The one document that the validator asks the network for, from the library; every other request fails."""
    context = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text())
    context["@context"] |= BIOSCHEMAS
    asked = []

    def send(adapter, request, **options):
        asked.append(request.url)
        if request.url != CONTEXT:
            raise requests.ConnectionError(request.url)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url, request
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = json.dumps(context).encode()
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return asked


def issues(folder, severity=models.Severity.REQUIRED):
    settings = models.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="workflow-run-crate",
        requirement_severity=severity,
        skip_availability_check=True,
        no_cache=True,
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


def crate_of(results):
    write_crate(results.graph)
    return {entity["@id"]: entity for entity in read_json(results.graph.layout.crate)["@graph"]}


def as_list(value):
    return value if isinstance(value, list) else [value]


def references(value):
    return {one["@id"] for one in as_list(value)}


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


def test_a_job_is_an_action_with_command_times_files_and_machine(clone):
    clone.backbone("resnext101-ss-lr", 0.2)
    clone.run("exfuse", 0.5, flipped=0.6)
    job = clone.graph.jobs["runs/exfuse/seed0/trainaug"]
    entities = crate_of(clone)
    action = entities["#job/runs/exfuse/seed0/trainaug"]
    assert (action["name"], action["identifier"]) == (job.name, job.key)
    assert action["description"] == "exfuse do runs/exfuse/seed0/trainaug"
    # finished at 03:04:05 after 12.5 s
    assert (action["startTime"], action["endTime"]) == ("2026-01-02T03:03:52+00:00", "2026-01-02T03:04:05+00:00")
    assert "backbones/resnext101-ss-lr/history.csv" in references(action["object"])
    assert "runs/exfuse/seed0/trainaug/history.csv" in references(action["result"])
    machine = {entities[one]["name"]: entities[one]["value"] for one in references(action["environment"])}
    assert machine == {"device": "cpu", "host": "somewhere", "machine": "x86_64", "system": "Linux 6.1"}
    program = entities[action["instrument"]["@id"]]
    assert (program["name"], program["softwareVersion"]) == ("exfuse", "abc123")
    libraries = {
        entities[one]["name"]: entities[one]["softwareVersion"] for one in references(program["softwareRequirements"])
    }
    assert libraries == {"torch": "2.15.0", "numpy": "2.4.6", "python": "3.11.9"}


def test_numbers_are_values_of_the_files_that_hold_them(clone):
    clone.backbone("resnet50", 0.2)
    clone.run("gcn-resnet50", 0.4, flipped=0.41)
    entities = crate_of(clone)
    folder = "runs/gcn-resnet50/seed0/trainaug"
    plain = {
        entities[one]["name"]: entities[one]["value"]
        for one in references(entities[f"{folder}/val.json"]["variableMeasured"])
    }
    assert plain["mIoU"] == 0.4
    assert plain["mIoU within GCN's distance of a boundary"] == pytest.approx(0.28)
    mirrored = references(entities[f"{folder}/val-flip.json"]["variableMeasured"])
    assert {entities[one]["value"] for one in mirrored if entities[one]["name"].startswith("mIoU,")} == {0.41}
    error = entities[entities["backbones/resnet50/metrics.json"]["variableMeasured"]["@id"]]
    assert (error["name"], error["value"]) == ("top-1 error", 0.2)
    assert references(entities[f"#job/{folder}/val"]["result"]) >= mirrored


def test_stale_results_are_left_out(clone):
    clone.backbone("resnet50", 0.2)
    clone.backbone("resnet101", 0.2)
    write_json(clone.graph.jobs["backbones/resnet101"].manifest, {"key": "another"})
    entities = crate_of(clone)
    assert "#job/backbones/resnet50" in entities
    assert not [name for name in entities if "resnet101/" in name]


def test_files_that_are_gone_or_changed_are_told_apart(clone):
    """A digest stands only where it is believed: for the file that is there, or for one that was."""
    job = clone.graph.jobs["backbones/resnet50"]
    weights = job.manifest.with_name("weights.safetensors")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"abc")
    clone.backbone("resnet50", 0.2)
    name = "backbones/resnet50/weights.safetensors"
    found = crate_of(clone)[name]
    assert (found["sha256"], found["contentSize"]) == (ABC, "3")
    weights.write_bytes(b"abcd")
    found = crate_of(clone)[name]
    assert "sha256" not in found
    assert found["description"] == "not what its job recorded: 3 bytes then"
    weights.write_bytes(b"abd")
    found = crate_of(clone)[name]
    assert "sha256" not in found
    assert found["description"] == "not what its job recorded: as many bytes, but others"
    weights.unlink()
    entities = crate_of(clone)
    assert name not in entities
    gone = entities[f"#gone/{name}"]
    assert (gone["@type"], gone["sha256"]) == ("CreativeWork", ABC)
    assert gone["@id"] in references(entities["#job/backbones/resnet50"]["result"])


def test_lineage_leads_from_the_weights_to_the_archives(clone):
    """Each action's objects are results of others, until the archives."""
    archives = clone.graph.jobs["archives"]
    for output in archives.outputs:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"abc")
    for name in ("archives", "data/imagenet"):
        job = clone.graph.jobs[name]
        for output in job.outputs:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(b"abc")
        clone.finish(job)
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    makers = {
        file: one
        for one in entities.values()
        if one["@type"] == "CreateAction" and one["@id"] != "#run"
        for file in references(one["result"])
    }
    pretraining = makers["backbones/resnet50/metrics.json"]
    preparation = makers[sorted(references(pretraining["object"]))[0]]
    assert preparation["name"] == "data/imagenet"
    raw = references(preparation["object"])
    assert raw == {f"#archive/ILSVRC2012_{rest}" for rest in ("devkit_t12.tar.gz", "img_train.tar", "img_val.tar")}
    assert {entities[one]["identifier"] for one in raw} == {f"sha256:{ABC}"}
    assert {makers[one]["name"] for one in raw} == {"archives"}


def test_settings_stand_with_their_origin(clone):
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    slot = entities["#parameter/pretraining.steps"]
    assert (slot["@type"], slot["additionalType"]) == ("FormalParameter", "Integer")
    value = entities[slot["workExample"]["@id"]]
    assert (value["name"], value["value"], value["exampleOfWork"]) == ("pretraining.steps", 300, {"@id": slot["@id"]})
    assert value["description"].startswith("assumption: mini: ")
    assert {"@id": value["@id"]} in entities["#run"]["object"]
    assert {"@id": slot["@id"]} in entities["source/Snakefile"]["input"]


def test_the_same_results_give_the_same_bytes(clone, tmp_path):
    clone.backbone("resnet50", 0.2)
    write_crate(clone.graph)
    first = clone.graph.layout.crate.read_bytes()
    write_crate(clone.graph)
    assert clone.graph.layout.crate.read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_paths_of_the_machine_stay_there(clone):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    command = "exfuse --data-root /home/someone/data --preset mini pretrain resnet50"
    write_json(file, {**read_json(file), "command": command})
    said = crate_of(clone)["#job/backbones/resnet50"]["description"]
    assert said == "exfuse --data-root …/data --preset mini pretrain resnet50"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exfuse --data-root /home/Jane Doe/data --preset mini x", "exfuse --data-root …/data --preset mini x"),
        ('exfuse --data-root "/home/Jane Doe/data" x runs/ss', "exfuse --data-root …/data x runs/ss"),
        ("exfuse --data-root='/home/Jane - Doe/my data' x", 'exfuse "--data-root=…/my data" x'),
        ("exfuse --data-root=/home/Jane Doe/data/ -o /srv/j/b.csv", "exfuse --data-root=…/data -o …/b.csv"),
        ("exfuse -d/home/Jane Doe/data x", "exfuse -d…/data x"),
        ("exfuse do runs/ss/seed0 --at it's", "exfuse do runs/ss/seed0 --at it's"),
    ],
)
def test_a_path_with_a_blank_stays_there_too(clone, command, said):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    write_json(file, {**read_json(file), "command": command})
    assert crate_of(clone)["#job/backbones/resnet50"]["description"] == said


def test_a_job_without_provenance_is_made_at_no_known_time(clone, no_network):
    clone.backbone("resnet50", 0.2)
    clone.backbone("resnet101", 0.2)
    provenance_file(clone.graph.jobs["backbones/resnet50"].manifest).write_text('{"code": "abc')
    entities = crate_of(clone)
    action = entities["#job/backbones/resnet50"]
    assert not {"startTime", "endTime"} & action.keys()
    assert action["description"] == "not told: its provenance cannot be read"
    assert entities["./"]["description"].startswith(f"{clone.spec.preset.description}. 2 of ")
    assert entities["./"]["datePublished"] == entities["#job/backbones/resnet101"]["endTime"]
    assert issues(clone.graph.layout.base) == []


def test_without_any_time_there_is_no_crate(clone):
    clone.backbone("resnet50", 0.2)
    provenance_file(clone.graph.jobs["backbones/resnet50"].manifest).unlink()
    with pytest.raises(UserError, match=r"no job's provenance\.json tells when it ended"):
        write_crate(clone.graph)
    assert not clone.graph.layout.crate.exists()


def test_numbers_of_a_changed_file_are_none_of_the_jobs(clone):
    clone.backbone("resnet50", 0.2)
    file = clone.graph.jobs["backbones/resnet50"].manifest.with_name("metrics.json")
    assert any(name.startswith("#metric/") for name in crate_of(clone))
    file.write_text(file.read_text().replace("0.2", "0.1"))
    assert not any(name.startswith("#metric/") for name in crate_of(clone))


def test_archives_that_nobody_read_are_none_of_the_crate(repo_root, clone):
    """Official archives, of which one was read; COCO's are zip files."""
    voc = type(clone)(dataclasses.replace(load(repo_root, "voc"), root=clone.spec.root))
    voc.backbone("resnet101", 0.2)
    entities = crate_of(voc)
    assert not [name for name in entities if name.startswith(("http://host.robots", "http://images.cocodataset"))]
    groups = voc.spec.folder.archives
    publisher = "coco" if "data/coco" in voc.graph.jobs else "voc"
    job, (first, *_) = voc.graph.jobs[f"data/{publisher}"], groups[publisher]
    job = dataclasses.replace(job, settings={**job.settings, "raw": {first.file: "sha256:1"}})
    voc.finish(job)
    entities = crate_of(voc)
    url = first.urls[0]
    assert [name for name in entities if "File" in as_list(entities[name]["@type"]) and "://" in name] == [url]
    assert entities[url]["encodingFormat"] == ("application/zip" if url.endswith(".zip") else "application/x-tar")
    assert url in references(entities["#run"]["object"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("val2014.zip", "application/zip"), ("x.tar", "application/x-tar"), ("x.tar.gz", "application/gzip"),
     ("SBD.tgz", "application/gzip"), ("x.json", "application/json")],
)  # fmt: skip
def test_a_format_is_that_of_the_suffix(name, kind):
    assert format_of(name) == kind


def test_an_interrupted_training_has_no_beginning(clone):
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    stretches = [{"from_step": step, "code": "abc", "host": "there"} for step in (0, 7)]
    write_json(file, {**read_json(file), "stretches": stretches})
    action = crate_of(clone)["#job/backbones/resnet50"]
    assert "startTime" not in action
    assert action["description"].endswith("(interrupted and gone on: 1)")


def test_a_manifest_names_no_file_outside(clone):
    clone.backbone("resnet50", 0.2)
    manifest = clone.graph.jobs["backbones/resnet50"].manifest
    content = read_json(manifest)
    content["outputs"] |= {"/etc/hostname": {"sha256": ABC, "bytes": 3}, "../../../x": {"sha256": ABC, "bytes": 3}}
    write_json(manifest, content)
    assert not [name for name in crate_of(clone) if "hostname" in name or name.endswith("x")]


def test_hostile_words_stay_words(clone):
    hostile = "</script><script>alert('1')</script> \"quotes\" 标签 ../../x"
    clone.backbone("resnet50", 0.2)
    file = provenance_file(clone.graph.jobs["backbones/resnet50"].manifest)
    write_json(file, {**read_json(file), "code": hostile, "host": hostile, "libraries": {hostile: hostile}})
    spec = dataclasses.replace(clone.spec, preset=clone.spec.preset.model_copy(update={"description": hostile}))
    entities = crate_of(type(clone)(spec))
    assert all(re.fullmatch(r"[\w#./:%~&=+-]+", name) for name in entities)
    assert hostile in entities["./"]["description"]


def test_the_papers_and_the_authors_are_named(clone):
    clone.backbone("resnet50", 0.2)
    entities = crate_of(clone)
    papers = [entities[one] for one in references(entities["./"]["citation"])]
    assert {one["@type"] for one in papers} == {"ScholarlyArticle"}
    first = next(one for one in papers if one["name"].startswith("ExFuse"))
    assert "https://orcid.org/0000-0002-0120-1918" in references(first["author"])
    assert entities[entities["./"]["license"]["@id"]]["name"] == "Apache-2.0"


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


def test_what_the_crate_copies_and_cites_is_in_its_key(clone):
    for name in ("CITATION.cff", WORKFLOW[-1]):
        before = Graph(clone.spec).jobs
        with open(clone.spec.root / name, "a") as file:
            file.write("# more")
        after = Graph(clone.spec).jobs
        assert [job for job in after if after[job].key != before[job].key] == ["crate"]


def test_the_sources_that_are_copied_are_all_that_there_are(repo_root):
    rules = {path.relative_to(repo_root).as_posix() for path in (repo_root / "workflow" / "rules").iterdir()}
    assert set(WORKFLOW) == {"Snakefile", *rules}
